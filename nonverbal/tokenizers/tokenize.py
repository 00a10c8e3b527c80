"""Every seen frame of the dataset as tokens, one for 8 frames (paper, section 3.2).

Each run is encoded whole and alone: its tokens depend on nothing else, and its first and last frames have tokens too.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nonverbal.provenance.hashes import hash_path
from nonverbal.shards import map_units
from nonverbal.tokenizers.model import MotionTokenizer, load_model
from nonverbal.tokenizers.motion import Motion, Window, collate


def tokenize(frames: Path, index: Path, scale: Path, model: Path, tokens: Path) -> None:
    """Write the tokens of all runs of all splits.

    Args:
        frames, index, scale: what the frames rule wrote.
        model: what train_tokenizer wrote.
        tokens: table to write, one row a run in the index's order.
    """
    motion = Motion.load(frames, index, scale)
    network, _ = load_model(model, "cuda" if torch.cuda.is_available() else "cpu")
    clips = {str(clip_id): rows for clip_id, rows in motion.index.groupby("clip_id", sort=False)}
    process = partial(tokenize_clip, clips=clips, motion=motion, network=network)
    key = [hash_path(model), hash_path(index), hash_path(scale)]
    map_units(clips, process, {"tokens": tokens}, key, "tokenize")


def tokenize_clip(
    clip_id: str, clips: dict[str, pd.DataFrame], motion: Motion, network: MotionTokenizer
) -> dict[str, pd.DataFrame]:
    """The tokens rows of one clip."""
    columns = ["clip_id", "utterance_id", "speaker", "split", "first_frame", "frames"]
    rows = clips[clip_id]
    found = [encode(motion, network, window) for window in zip(rows["row"], rows["frames"], strict=True)]
    return {"tokens": rows[columns].assign(tokens=pd.Series(found, index=rows.index))}


def encode(motion: Motion, network: MotionTokenizer, window: Window) -> np.ndarray:
    """Tokens of one run, int32 [ceil(frames / 8)]; the rest of the last token repeats the last frame."""
    device = network.quantizer.codebook.device
    values = collate([motion.read(window)]).values[0].to(device)
    return network.tokenize(values).cpu().numpy().astype(np.int32)
