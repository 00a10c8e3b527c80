"""A real SLURM for the tests of this folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster import PACKAGES, Cluster, missing


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes with two GPUs each, as SLURM sees them; skips where SLURM is not installed."""
    if lacking := missing():
        pytest.skip(f"no SLURM: {', '.join(lacking)} missing; apt-get install --no-install-recommends {PACKAGES}")
    with Cluster(tmp_path_factory.mktemp("slurm")) as started:
        yield started
