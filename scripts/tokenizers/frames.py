from nonverbal.job import run
from nonverbal.tokenizers.frames import frames

run(snakemake, frames)
