from nonverbal.cues.smooth import smooth
from nonverbal.job import run

run(snakemake, smooth)
