"""Faults, on a real SLURM and through the profile as users type it, in workflows of a few seconds."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
# the profile's, but for what would make a test wait
PROFILE = ["--profile", str(ROOT / "slurm"), "--latency-wait", "10"]
PATIENCE = ["--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1"]
RECORD = "echo $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-none}} >> ran/{rule}"


class Workflow:
    """A workflow of a few rules in a folder of its own, steered by real heads."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster = folder, cluster
        self.heads: list[subprocess.Popen] = []

    def write(self, rules: str) -> None:
        (self.folder / "Snakefile").write_text(rules.replace("RECORD", RECORD))
        (self.folder / "ran").mkdir(exist_ok=True)

    def start(self, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "snakemake", *PROFILE, *PATIENCE, *options]
        environment = {**os.environ, **self.cluster.environment, "PYTHONPATH": str(ROOT)}
        with (self.folder / "head.log").open("a") as log:
            head = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.heads.append(head)
        return head

    def run(self, *options: str, timeout: float = 400) -> int:
        return self.start(*options).wait(timeout)

    @property
    def log(self) -> str:
        return (self.folder / "head.log").read_text()

    def ran(self, rule: str) -> list[list[str]]:
        """Executions of a rule: its SLURM job and the GPUs it saw."""
        path = self.folder / "ran" / rule
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for(self, condition: Callable[[], object], timeout: float = 120) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, self.log[-4000:]
            time.sleep(0.2)


@pytest.fixture
def workflow(tmp_path: Path, cluster: Cluster) -> Iterator[Workflow]:
    made = Workflow(tmp_path, cluster)
    yield made
    for head in made.heads:
        if head.poll() is None:
            head.kill()
            head.wait()
    for number in cluster.queue():
        cluster.ask("scancel", number)


def test_failing_hanging_and_short_jobs(workflow):
    """One head for all, to start it once: retries with more memory, a time-out told, short rules in one job, GPUs."""
    workflow.write(
        """
rule all:
    input: "kept", "trained"
rule fails:
    output: "failed"
    resources: mem_mb=lambda wildcards, attempt: 500 * attempt, runtime=5
    shell: "RECORD; false"
rule hangs:
    output: "hung"
    retries: 0
    resources: mem_mb=500, runtime=1
    shell: "RECORD; sleep 600"
rule crops:
    output: "cropped"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule keep_safe:
    input: "cropped"
    output: "kept"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule trains:
    output: "trained"
    threads: 4
    resources: mem_mb=500, runtime=5, slurm_partition="gpu", gpu=2, nodes=1, tasks_per_gpu=0
    shell: "RECORD; touch {output}"
"""
    )
    assert workflow.run("all", "failed", "hung") == 1
    job = workflow.cluster.job

    tries = [number for number, _ in workflow.ran("fails")]
    assert len(tries) == 3, workflow.log
    assert [job(number)["MinMemoryNode"] for number in tries] == ["500M", "1000M", "1500M"]

    ((hung, _),) = workflow.ran("hangs")
    assert job(hung)["JobState"] == "TIMEOUT"
    assert re.search(rf"SLURM-job '{hung}' failed.*TIMEOUT", workflow.log)

    ((crops, _),), ((kept, _),) = workflow.ran("crops"), workflow.ran("keep_safe")
    assert crops == kept

    ((trained, devices),) = workflow.ran("trains")
    assert devices == "0,1"
    assert {key: job(trained)[key] for key in ("NumCPUs", "NumNodes", "Partition")} == {
        "NumCPUs": "4", "NumNodes": "1", "Partition": "gpu",
    }  # fmt: skip
    assert workflow.cluster.queue() == []


def test_a_lost_node_s_job_runs_again_elsewhere(workflow):
    workflow.write(
        """
rule works:
    output: "done"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; sleep 8; touch {output}"
"""
    )
    head = workflow.start("--retries", "0")
    workflow.wait_for(lambda: workflow.ran("works"))
    number = workflow.ran("works")[0][0]
    lost = workflow.cluster.job(number)["NodeList"]
    workflow.cluster.kill_node(lost)
    try:
        assert head.wait(200) == 0, workflow.log
    finally:
        workflow.cluster.start_node(lost)
    assert [one for one, _ in workflow.ran("works")] == [number, number]
    assert workflow.cluster.job(number)["Restarts"] == "1"
    assert workflow.cluster.job(number)["NodeList"] != lost


def test_an_interrupted_head_leaves_no_job(workflow):
    workflow.write(
        """
rule all:
    input: expand("done{i}", i=range(12))
rule works:
    output: "done{i}"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; sleep 300; touch {output}"
"""
    )
    head = workflow.start()
    workflow.wait_for(workflow.cluster.queue)  # while the others are being submitted
    head.send_signal(signal.SIGINT)
    assert head.wait(120) != 0
    workflow.wait_for(lambda: workflow.cluster.queue() == [], timeout=30)


def test_a_killed_head_is_followed_by_one_that_finishes(workflow):
    workflow.write(
        """
rule all:
    input: "last"
rule first:
    output: "first"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule second:
    input: "first"
    output: "second"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; sleep 15; touch {output}"
rule last:
    input: "second"
    output: "last"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
onstart:
    from nonverbal import cluster
    from nonverbal.errors import UserError
    try:
        cluster.refuse_left_jobs(Path.cwd())
    except UserError as error:
        raise SystemExit(str(error))
"""
    )
    head = workflow.start()
    workflow.wait_for(lambda: workflow.ran("second"))
    head.kill()
    head.wait()
    assert workflow.run("--unlock") == 0
    assert workflow.run() != 0
    number = workflow.ran("second")[0][0]
    assert f"SLURM jobs {number} of a run that was killed still work in this folder" in workflow.log
    workflow.wait_for(lambda: workflow.cluster.queue() == [])
    workflow.run("--unlock")
    assert workflow.run() == 0, workflow.log
    assert {rule: len(workflow.ran(rule)) for rule in ("first", "second", "last")} == {
        "first": 1, "second": 1, "last": 1,
    }  # fmt: skip
