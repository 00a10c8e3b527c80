from nonverbal.job import run
from nonverbal.studio.script_words import script_words

run(snakemake, script_words)
