from nonverbal.job import run
from nonverbal.paper.table2 import table2

run(snakemake, table2)
