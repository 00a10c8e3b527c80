"""Shared by all tests: where real media for tests lies, when it is there at all."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("NONVERBAL_SHARED", ROOT.parent / "shared"))


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
