from nonverbal.job import run
from nonverbal.publication.card import card

run(snakemake, card)
