from nonverbal.job import run
from nonverbal.studio.published import published

run(snakemake, published)
