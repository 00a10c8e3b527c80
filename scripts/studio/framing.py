from nonverbal.job import run
from nonverbal.studio.framing import framing

run(snakemake, framing)
