from nonverbal.collect.download import download
from nonverbal.job import run

run(snakemake, download)
