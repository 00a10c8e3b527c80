from nonverbal.job import run
from nonverbal.provenance.removal import removal

run(snakemake, removal)
