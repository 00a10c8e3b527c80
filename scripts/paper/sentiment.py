from nonverbal.job import run
from nonverbal.paper.sentiment import sentiment

run(snakemake, sentiment)
