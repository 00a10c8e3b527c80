from nonverbal.job import run
from nonverbal.paper.figure3 import figure3

run(snakemake, figure3)
