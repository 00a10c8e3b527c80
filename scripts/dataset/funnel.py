from nonverbal.dataset.funnel import funnel
from nonverbal.job import run

run(snakemake, funnel)
