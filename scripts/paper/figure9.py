from nonverbal.job import run
from nonverbal.paper.figure9 import figure9

run(snakemake, figure9)
