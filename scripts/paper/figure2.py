from nonverbal.job import run
from nonverbal.paper.figure2 import figure2

run(snakemake, figure2)
