from nonverbal.job import run
from nonverbal.views.samples import samples

run(snakemake, samples)
