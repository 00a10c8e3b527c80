from nonverbal.job import run
from nonverbal.tokenizers.train_tokenizer import train_tokenizer

run(snakemake, train_tokenizer)
