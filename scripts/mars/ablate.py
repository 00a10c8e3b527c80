from nonverbal.job import run
from nonverbal.mars.ablate import ablate

run(snakemake, ablate)
