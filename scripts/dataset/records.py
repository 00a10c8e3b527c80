from nonverbal.dataset.records import records
from nonverbal.job import run

run(snakemake, records)
