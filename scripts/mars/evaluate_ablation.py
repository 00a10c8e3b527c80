from nonverbal.job import run
from nonverbal.mars.evaluate_ablation import evaluate_ablation

run(snakemake, evaluate_ablation)
