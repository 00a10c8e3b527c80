"""Faces and bodies as one array: the runs of both, where they overlap, and both scales.

A frame is taken where the face's run and the body's run of its utterance both have it; a number that is unknown in one
of them stays so. Each part's numbers keep their scale, so that a tokenizer of both sees them as the separate ones do.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.errors import UserError
from nonverbal.layouts import joined
from nonverbal.schema import TABLES, write_table
from nonverbal.tokenizers.motion import Motion, release


def joint_frames(
    face: Path, face_index: Path, face_scale: Path, body: Path, body_index: Path, body_scale: Path,
    frames: Path, index: Path, scale: Path,
) -> None:  # fmt: skip
    """Write the array of both, its index and its scale, as the frames rule does for one.

    Args:
        face, face_index, face_scale, body, body_index, body_scale: what the frames rule wrote.
        frames: float32 [N, face's dim + body's dim] to write as .npy, NaN where unknown.
        index: table sequences_index to write.
        scale: JSON to write: layout, mean and std [dim], backend.

    Raises:
        UserError: no frame of the training split shows both.
    """
    parts = Motion.load(face, face_index, face_scale), Motion.load(body, body_index, body_scale)
    runs, starts = overlaps(parts[0].index, parts[1].index)
    if not (runs["split"] == "train").any():
        raise UserError(
            "no frame of the training split shows both face and body; remove rows with joint: true from config key "
            "tokenizers.table3.rows"
        )
    partial = frames.with_name(f".{frames.name}.partial")
    shape = (int(runs["frames"].sum()), sum(part.scale.layout.dim for part in parts))
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
    for at, length, rows in zip(runs["row"], runs["frames"], starts, strict=True):
        array[at : at + length] = np.concatenate(
            [part.array[row : row + length] for part, row in zip(parts, rows, strict=True)], axis=1
        )
        for one in (array, *(part.array for part in parts)):
            release(one)
    array.flush()
    partial.replace(frames)
    write_table(index, "sequences_index", runs)
    saved = [json.loads(path.read_text()) for path in (face_scale, body_scale)]
    values = {
        "part": "joint",
        "backend": "+".join(one["backend"] for one in saved),
        "layout": joined(*(part.scale.layout for part in parts)).name,
        "mean": saved[0]["mean"] + saved[1]["mean"],
        "std": saved[0]["std"] + saved[1]["std"],
    }
    scale.write_text(json.dumps(values, indent=1) + "\n")


def overlaps(face: pd.DataFrame, body: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Runs of frames that a run of the face and one of the body share, and the row of each in both arrays.

    Args:
        face, body: tables sequences_index.

    Returns:
        Table sequences_index, in the face's order, and int64 [runs, 2].
    """
    both = face.merge(body, on=["clip_id", "utterance_id"], suffixes=("", "_body"))
    first = both[["first_frame", "first_frame_body"]].max(axis=1)
    end = (both["first_frame"] + both["frames"]).clip(upper=both["first_frame_body"] + both["frames_body"])
    starts = np.stack([both[f"row{part}"] + first - both[f"first_frame{part}"] for part in ("", "_body")], axis=1)
    shared = (end > first).to_numpy()
    runs = both.assign(first_frame=first, frames=end - first)[shared]
    runs = runs.assign(row=runs["frames"].cumsum() - runs["frames"])
    return runs[TABLES["sequences_index"].names].reset_index(drop=True), starts[shared]
