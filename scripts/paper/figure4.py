from nonverbal.job import run
from nonverbal.paper.figure4 import figure4

run(snakemake, figure4)
