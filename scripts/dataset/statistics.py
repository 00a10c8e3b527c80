from nonverbal.dataset.statistics import statistics
from nonverbal.job import run

run(snakemake, statistics)
