from nonverbal.job import run
from nonverbal.studio.emotions import emotions

run(snakemake, emotions)
