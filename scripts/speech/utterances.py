from nonverbal.job import run
from nonverbal.speech.utterances import utterances

run(snakemake, utterances)
