from nonverbal.demo.corpus import corpus
from nonverbal.job import run

run(snakemake, corpus)
