from nonverbal.job import run
from nonverbal.report.report import report

run(snakemake, report)
