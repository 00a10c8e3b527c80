from nonverbal.job import run
from nonverbal.paper.table5 import table5

run(snakemake, table5)
