from nonverbal.job import run
from nonverbal.publication.export import export

run(snakemake, export)
