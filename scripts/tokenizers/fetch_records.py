from nonverbal.job import run
from nonverbal.tokenizers.fetch_records import fetch_records

run(snakemake, fetch_records)
