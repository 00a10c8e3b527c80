from nonverbal.job import run
from nonverbal.speakers.tracks import tracks

run(snakemake, tracks)
