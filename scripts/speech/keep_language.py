from nonverbal.job import run
from nonverbal.speech.keep_language import keep_language

run(snakemake, keep_language)
