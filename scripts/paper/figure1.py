from nonverbal.job import run
from nonverbal.paper.figure1 import figure1

run(snakemake, figure1)
