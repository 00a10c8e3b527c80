from nonverbal.job import run
from nonverbal.publication.facts import facts

run(snakemake, facts)
