from nonverbal.job import run
from nonverbal.mars.evaluate_mars import evaluate_mars

run(snakemake, evaluate_mars)
