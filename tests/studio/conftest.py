"""A dialogue of two synthetic voices, recorded."""

from pathlib import Path

import numpy as np
import pytest
from studio_media import NAME, dialogue, make_recording


@pytest.fixture(scope="session")
def spoken() -> tuple[np.ndarray, list[tuple[int, float, float]]]:
    return dialogue()


@pytest.fixture(scope="session")
def recorded(spoken, tmp_path_factory) -> Path:
    """The left camera's file, in a folder whose name says right."""
    folder = tmp_path_factory.mktemp("day_right") / "takes_right"
    folder.mkdir()
    return make_recording(folder / f"{NAME}_left.mp4", spoken[0])
