from nonverbal.job import run
from nonverbal.studio.framing_check import framing_check

run(snakemake, framing_check)
