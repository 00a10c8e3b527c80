from nonverbal.job import run
from nonverbal.tokenizers.evaluate_tokenizer import evaluate_tokenizer

run(snakemake, evaluate_tokenizer)
