from nonverbal.job import run
from nonverbal.mars.train_mars import train_mars

run(snakemake, train_mars)
