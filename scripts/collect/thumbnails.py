from nonverbal.collect.thumbnails import thumbnails
from nonverbal.job import run

run(snakemake, thumbnails)
