from nonverbal.job import run
from nonverbal.studio.side_turns import side_turns

run(snakemake, side_turns)
