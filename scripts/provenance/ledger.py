from nonverbal.job import run
from nonverbal.provenance.ledger import ledger

run(snakemake, ledger)
