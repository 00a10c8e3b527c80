from nonverbal.job import run
from nonverbal.speech.transcribe import transcribe

run(snakemake, transcribe)
