from nonverbal.job import run
from nonverbal.publication.push import push

run(snakemake, push)
