from nonverbal.job import run
from nonverbal.speech.annotations import annotations

run(snakemake, annotations)
