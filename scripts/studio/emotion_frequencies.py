from nonverbal.job import run
from nonverbal.studio.emotion_frequencies import emotion_frequencies

run(snakemake, emotion_frequencies)
