from nonverbal.job import run
from nonverbal.studio.sides import sides

run(snakemake, sides)
