from nonverbal.job import run
from nonverbal.judge.draw import draw

run(snakemake, draw)
