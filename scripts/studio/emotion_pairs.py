from nonverbal.job import run
from nonverbal.studio.emotion_pairs import emotion_pairs

run(snakemake, emotion_pairs)
