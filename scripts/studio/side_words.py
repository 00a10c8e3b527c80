from nonverbal.job import run
from nonverbal.studio.side_words import side_words

run(snakemake, side_words)
