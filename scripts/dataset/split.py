from nonverbal.dataset.split import split
from nonverbal.job import run

run(snakemake, split)
