from nonverbal.demo.dialogues import dialogues
from nonverbal.job import run

run(snakemake, dialogues)
