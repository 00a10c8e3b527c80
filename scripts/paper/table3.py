from nonverbal.job import run
from nonverbal.paper.table3 import table3

run(snakemake, table3)
