from nonverbal.job import run
from nonverbal.tokenizers.split_records import split_records

run(snakemake, split_records)
