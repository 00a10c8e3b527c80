from nonverbal.cues.quality import quality
from nonverbal.job import run

run(snakemake, quality)
