from nonverbal.job import run
from nonverbal.mars.sequences import sequences

run(snakemake, sequences)
