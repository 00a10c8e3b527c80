"""The page that the tests of this folder look at, and a browser to look with."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from run_of_the_test import make, write_page

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> tuple[Path, list[Path]]:
    """A results folder, and what of it the page is given."""
    results = tmp_path_factory.mktemp("run") / "results"
    return results, make(results)


@pytest.fixture(scope="session")
def page(made) -> Path:
    """The page of that folder."""
    return write_page(*made)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup installs it")
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()
