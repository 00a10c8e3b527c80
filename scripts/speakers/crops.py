from nonverbal.job import run
from nonverbal.speakers.crops import crops

run(snakemake, crops)
