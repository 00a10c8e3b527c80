from nonverbal.collect.keep_people import keep_people
from nonverbal.job import run

run(snakemake, keep_people)
