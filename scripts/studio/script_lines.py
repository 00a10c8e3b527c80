from nonverbal.job import run
from nonverbal.studio.script_lines import script_lines

run(snakemake, script_lines)
