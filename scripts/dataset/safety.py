from nonverbal.dataset.safety import safety
from nonverbal.job import run

run(snakemake, safety)
