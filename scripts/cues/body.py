from nonverbal.cues.body import body
from nonverbal.job import run

run(snakemake, body)
