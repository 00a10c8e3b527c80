from nonverbal.demo.truth import truth
from nonverbal.job import run

run(snakemake, truth)
