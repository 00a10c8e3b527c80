from nonverbal.job import run
from nonverbal.paper.figure5 import figure5

run(snakemake, figure5)
