from nonverbal.job import run
from nonverbal.paper.figure8 import figure8

run(snakemake, figure8)
