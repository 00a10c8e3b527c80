"""Results that publication reads, and what it makes of them."""

from pathlib import Path

import pytest
from publication_run import a_run, publish, settings


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of a run."""
    return a_run(tmp_path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run publishes; read only."""
    return publish(a_run(tmp_path_factory.mktemp("run")), settings())
