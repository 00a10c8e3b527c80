from nonverbal.job import run
from nonverbal.studio.side_voices import side_voices

run(snakemake, side_voices)
