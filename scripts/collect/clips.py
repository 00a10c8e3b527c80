from nonverbal.collect.clips import clips
from nonverbal.job import run

run(snakemake, clips)
