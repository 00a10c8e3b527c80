"""Seeded smooth motion as a shard's smoothed cues, and the frames made from it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizer_cases import motion_rows

from nonverbal.schema import write_table
from nonverbal.tokenizers.frames import frames
from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.settings import Frames

SPLITS = {"a_000": "train", "b_000": "train", "c_000": "validation", "d_000": "test"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Paths `frames`, `index` and `scale` of four clips with runs of 9 to 90 frames."""
    folder = tmp_path_factory.mktemp("frames")
    rows = []
    for number, clip_id in enumerate(SPLITS):
        for utterance_id, length in enumerate((90, 43, 9)):
            numbers = np.arange(length) + 100 * utterance_id + 3
            rows += motion_rows(clip_id, utterance_id, numbers, seed=10 * number + utterance_id)
    write_table(folder / "face.parquet", "face", rows)
    split = [
        {"clip_id": clip_id, "video_id": clip_id[0], "channel_id": "c", "group": clip_id[0], "split": name}
        for clip_id, name in SPLITS.items()
    ]
    write_table(folder / "split.parquet", "split", split)
    paths = {"frames": folder / "frames.npy", "index": folder / "index.parquet", "scale": folder / "scale.json"}
    settings = Frames(longest_gap=7, least_std=0.01)
    frames("face", [folder / "face.parquet"], folder / "split.parquet", **paths, settings=settings, backend="open_face")
    return paths


@pytest.fixture
def motion(made: dict[str, Path]) -> Motion:
    return Motion.load(**made)
