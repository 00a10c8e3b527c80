from nonverbal.job import run
from nonverbal.speech.diarize import diarize

run(snakemake, diarize)
