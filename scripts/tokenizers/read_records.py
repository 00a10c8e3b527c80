from nonverbal.job import run
from nonverbal.tokenizers.read_records import read_records

run(snakemake, read_records)
