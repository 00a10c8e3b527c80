"""The page that the tests of this folder look at."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from run_of_the_test import make, write_page


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> tuple[Path, list[Path]]:
    """A results folder, and what of it the page is given."""
    results = tmp_path_factory.mktemp("run") / "results"
    return results, make(results)


@pytest.fixture(scope="session")
def page(made) -> Path:
    """The page of that folder."""
    return write_page(*made)
