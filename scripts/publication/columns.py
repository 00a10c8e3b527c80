from nonverbal.job import run
from nonverbal.publication.columns import columns

run(snakemake, columns)
