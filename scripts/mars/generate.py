from nonverbal.job import run
from nonverbal.mars.generate import generate

run(snakemake, generate)
