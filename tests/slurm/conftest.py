"""A real SLURM for the tests of this folder, and small workflows that are sent to it through the profile."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster import PACKAGES, Cluster, missing

ROOT = Path(__file__).resolve().parents[2]
# the profile's, but for what would make a test wait
PROFILE = ["--profile", str(ROOT / "slurm"), "--latency-wait", "10"]
PATIENCE = ["--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1"]
RECORD = "echo $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-none}} >> ran/{rule}"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes with two GPUs each, as SLURM sees them; skips where SLURM is not installed."""
    if lacking := missing():
        pytest.skip(f"no SLURM: {', '.join(lacking)} missing; apt-get install --no-install-recommends {PACKAGES}")
    with Cluster(tmp_path_factory.mktemp("slurm")) as started:
        yield started


class Workflow:
    """A workflow of a few rules in a folder of its own, steered by real heads."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster = folder, cluster
        self.environment = cluster.environment | {"PYTHONPATH": str(ROOT)}
        self.heads: list[subprocess.Popen] = []

    def write(self, rules: str) -> None:
        (self.folder / "Snakefile").write_text(rules.replace("RECORD", RECORD))
        (self.folder / "ran").mkdir(exist_ok=True)

    def start(self, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "snakemake", *PROFILE, *PATIENCE, *options]
        environment = os.environ | self.environment
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
