from nonverbal.job import run
from nonverbal.provenance.crate import crate

run(snakemake, crate)
