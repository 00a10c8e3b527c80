from nonverbal.job import run
from nonverbal.paper.table4 import table4

run(snakemake, table4)
