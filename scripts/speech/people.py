from nonverbal.job import run
from nonverbal.speech.people import people

run(snakemake, people)
