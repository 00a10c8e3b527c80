from nonverbal.demo.recordings import recordings
from nonverbal.job import run

run(snakemake, recordings)
