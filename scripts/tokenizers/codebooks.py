from nonverbal.job import run
from nonverbal.tokenizers.codebooks import codebooks

run(snakemake, codebooks)
