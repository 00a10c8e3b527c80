from nonverbal.demo.feed import feed
from nonverbal.job import run

run(snakemake, feed)
