from nonverbal.cues.face import face
from nonverbal.job import run

run(snakemake, face)
