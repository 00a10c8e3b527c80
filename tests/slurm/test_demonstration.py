"""The whole demonstration through sbatch, from corpus to tables and figures: about an hour, so only where asked for."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path("results/slurm")
CORPUS = RESULTS / "corpus"
SOURCES = f"[{CORPUS}/channels.csv, {{kind: studio, folder: {CORPUS}/studio, script: {CORPUS}/script.json}}]"
PATIENCE = ["--seconds-between-status-checks", "2", "--slurm-init-seconds-before-status-checks", "2"]
ASKED = "NONVERBAL_SLURM_DEMO"


@pytest.mark.skipif(not os.environ.get(ASKED), reason=f"takes about an hour of two cores; {ASKED}=1 asks for it")
def test_the_demonstration_runs_through_sbatch_to_its_end(cluster):
    shutil.rmtree(ROOT / RESULTS, ignore_errors=True)
    command = [
        sys.executable, "-m", "nonverbal.demo.serve", str(CORPUS), "--",
        sys.executable, "-m", "snakemake", "all", "truth", "--profile", "slurm", "--jobs", "4", *PATIENCE,
        "--configfile", "demo/settings.yaml", "--config", f"results={RESULTS}", f"sources={SOURCES}",
    ]  # fmt: skip
    answer = subprocess.run(
        command, cwd=ROOT, env=os.environ | cluster.environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-4000:]
    assert cluster.queue() == []
    assert_sent_once(ROOT / RESULTS, cluster.ended())


def assert_sent_once(results: Path, ended: dict[str, dict[str, str]]) -> None:
    """Every job of the results was sent, ended well at once, and went to the GPUs if its rule asks for one."""
    gpus = {}
    for path in (results / "provenance" / "jobs").rglob("*.json"):
        record = json.loads(path.read_text())
        gpus[record["scheduler_job"]] = record["gpus"]
    assert {job["JobState"] for job in ended.values()} == {"COMPLETED"}
    assert ended.keys() == gpus.keys()  # no retry, and none done by the head
    sent = {number for number, job in ended.items() if job["Partition"] == "gpu"}
    assert sent == {number for number, count in gpus.items() if count}
    assert sent
    assert (results / "truth.csv").is_file()
    assert (results / "paper" / "table4.csv").is_file()
