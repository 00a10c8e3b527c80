from nonverbal.job import run
from nonverbal.speakers.keep_visible import keep_visible

run(snakemake, keep_visible)
