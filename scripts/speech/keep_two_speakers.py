from nonverbal.job import run
from nonverbal.speech.keep_two_speakers import keep_two_speakers

run(snakemake, keep_two_speakers)
