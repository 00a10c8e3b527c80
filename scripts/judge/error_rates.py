from nonverbal.job import run
from nonverbal.judge.error_rates import error_rates

run(snakemake, error_rates)
