from nonverbal.job import run
from nonverbal.speakers.active_speaker import active_speaker

run(snakemake, active_speaker)
