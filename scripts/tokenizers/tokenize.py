from nonverbal.job import run
from nonverbal.tokenizers.tokenize import tokenize

run(snakemake, tokenize)
