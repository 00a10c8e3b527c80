from nonverbal.job import run
from nonverbal.provenance.cost import cost

run(snakemake, cost)
