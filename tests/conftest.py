"""Shared by all tests: where real media for tests lies, when it is there at all, and a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("NONVERBAL_SHARED", ROOT.parent / "shared"))
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@pytest.fixture
def shared_media() -> Path:
    """Folder of real clips and sounds; skips where it is absent."""
    if not (SHARED / "media").is_dir():
        pytest.skip(f"no real media: {SHARED / 'media'} is absent; set NONVERBAL_SHARED to a folder that holds media/")
    return SHARED / "media"


@pytest.fixture
def shared_models() -> Path:
    """Folder of published weights; skips where it is absent."""
    if not (SHARED / "models").is_dir():
        pytest.skip(f"no weights: {SHARED / 'models'} is absent; set NONVERBAL_SHARED to a folder that holds models/")
    return SHARED / "models"


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
