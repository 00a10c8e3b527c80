from nonverbal.job import run
from nonverbal.publication.croissant import croissant

run(snakemake, croissant)
