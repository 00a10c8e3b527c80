"""Every seen frame of the dataset as tokens, one for 8 frames (paper, section 3.2).

Tokens of a run depend on nothing else, and its first and last frames have tokens too.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nonverbal.provenance.hashes import hash_path
from nonverbal.shards import map_units
from nonverbal.tokenizers.model import MotionTokenizer, load_model
from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.streaming import encode_runs

UNIT_FRAMES = 1_000_000  # about, between which a killed job goes on


def tokenize(frames: Path, index: Path, scale: Path, model: Path, tokens: Path) -> None:
    """Write the tokens of all runs of all splits.

    Args:
        frames, index, scale: what the frames rule wrote.
        model: what train_tokenizer wrote; with one token a place, as a language model reads them.
        tokens: table to write, one row a run in the index's order.

    Raises:
        UserError: the model is of another layout than the frames.
    """
    motion = Motion.load(frames, index, scale)
    network = load_model(model, motion.scale.layout, "cuda" if torch.cuda.is_available() else "cpu")
    units = split_units(motion.index)
    process = partial(tokenize_unit, units=units, motion=motion, network=network)
    key = [hash_path(model), hash_path(index), hash_path(scale)]
    map_units(units, process, {"tokens": tokens}, key, "tokenize")


def split_units(index: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Consecutive runs of about UNIT_FRAMES frames."""
    number = index["frames"].cumsum() // UNIT_FRAMES
    return {f"{int(number)}": rows for number, rows in index.groupby(number, sort=True)}


def tokenize_unit(
    unit: str, units: dict[str, pd.DataFrame], motion: Motion, network: MotionTokenizer
) -> dict[str, pd.DataFrame]:
    """The tokens rows of some runs."""
    columns = ["clip_id", "utterance_id", "speaker", "split", "first_frame", "frames"]
    rows = units[unit]
    found = encode_runs(motion, network, list(zip(rows["row"], rows["frames"], strict=True)))
    tokens: list[np.ndarray] = [one[:, 0] for one in found]
    return {"tokens": rows[columns].assign(tokens=pd.Series(tokens, index=rows.index))}
