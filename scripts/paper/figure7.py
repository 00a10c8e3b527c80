from nonverbal.job import run
from nonverbal.paper.figure7 import figure7

run(snakemake, figure7)
