from nonverbal.dataset.keep_safe import keep_safe
from nonverbal.job import run

run(snakemake, keep_safe)
