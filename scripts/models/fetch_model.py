from nonverbal.job import run
from nonverbal.models.fetch_model import fetch_model

run(snakemake, fetch_model)
