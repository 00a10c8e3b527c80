from nonverbal.job import run
from nonverbal.mars.evaluate_motion import evaluate_motion

run(snakemake, evaluate_motion)
