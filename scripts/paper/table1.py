from nonverbal.job import run
from nonverbal.paper.table1 import table1

run(snakemake, table1)
