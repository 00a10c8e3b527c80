from nonverbal.job import run
from nonverbal.tokenizers.reconstruction import reconstruction

run(snakemake, reconstruction)
