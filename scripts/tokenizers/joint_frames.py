from nonverbal.job import run
from nonverbal.tokenizers.joint_frames import joint_frames

run(snakemake, joint_frames)
