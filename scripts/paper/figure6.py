from nonverbal.job import run
from nonverbal.paper.figure6 import figure6

run(snakemake, figure6)
