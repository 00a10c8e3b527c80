from nonverbal.job import run
from nonverbal.paper.algorithm1 import algorithm1

run(snakemake, algorithm1)
