from nonverbal.job import run
from nonverbal.studio.gaze import gaze

run(snakemake, gaze)
