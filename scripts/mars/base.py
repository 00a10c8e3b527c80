from nonverbal.job import run
from nonverbal.mars.base import base

run(snakemake, base)
