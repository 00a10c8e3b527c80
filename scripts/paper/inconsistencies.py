from nonverbal.job import run
from nonverbal.paper.inconsistencies import inconsistencies

run(snakemake, inconsistencies)
