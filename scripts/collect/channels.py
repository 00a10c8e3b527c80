from nonverbal.collect.channels import channels
from nonverbal.job import run

run(snakemake, channels)
