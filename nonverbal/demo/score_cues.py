"""How near the facial actions and the joint angles are to those that were drawn."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score, mean
from nonverbal.layouts import HAND_JOINTS, OPEN_FACE, SMPLX_BODY, SMPLX_JOINTS
from nonverbal.schema import read_table

STILL = 1e-6  # standard deviation up to which a number is constant
MOVES = 0.05  # standard deviation from which a facial action is a main one


def face_scores(known: Known, utterances: list[Path], face: list[Path]) -> Iterator[Score]:
    """Mean absolute error and correlation of the actions; the error's baseline is the truth's own mean.

    Actions of a left and a right side are averaged; those that hardly move in the truth count in the whole alone, and
    those that the backend leaves unknown count nowhere.
    """
    truth, found = aligned(known, utterances, face, "face", "actions")
    found = np.where(np.isfinite(found[:, OPEN_FACE.index]), found[:, OPEN_FACE.index], np.nan)
    errors, spread = np.abs(found - truth), np.abs(truth - truth.mean(axis=0)) if len(truth) else np.abs(truth)
    every = list(range(truth.shape[1]))
    for name, columns in {"all facial actions": every, **main_actions(truth)}.items():
        seen = np.isfinite(errors[:, columns])
        error, rest = (mean(values[:, columns][seen]) for values in (errors, spread))
        frames = int(seen.any(axis=1).sum())
        yield Score("cues", f"{name}: mean absolute error", error, rest, "less", np.nan, "activation", frames)
        if name != "all facial actions":
            r = mean([correlation(truth[:, column], found[:, column]) for column in columns])
            yield Score("cues", f"{name}: correlation", r, 0.0, "more", np.nan, "r", frames)


def main_actions(truth: np.ndarray) -> dict[str, list[int]]:
    """Actions that move in the truth [n, 51], by name without the side -> columns."""
    names: dict[str, list[int]] = {}
    for column, label in enumerate(OPEN_FACE.labels):
        if len(truth) and truth[:, column].std() >= MOVES:
            names.setdefault(re.sub("(Left|Right)$", "", label), []).append(column)
    return names


def correlation(truth: np.ndarray, found: np.ndarray) -> float:
    """Pearson's r [n], [n] where found is known; 0 where what was found never moves, NaN where nothing is known."""
    known = np.isfinite(found)
    if not known.any():
        return np.nan
    return float(np.corrcoef(truth[known], found[known])[0, 1]) if found[known].std() > STILL else 0.0


def body_scores(known: Known, utterances: list[Path], body: list[Path]) -> Iterator[Score]:
    """Mean angle between true and found rotation of each joint, and the same from each one's own mean rotation.

    The second tells motion from a constant offset of the skeletons; the baseline of both is the truth's mean rotation.
    The fifteen joints of a hand are one line. Frames in which a joint is unknown do not count for it.
    """
    truth, found = aligned(known, utterances, body, "body", "body")
    first, stop = SMPLX_BODY.groups["upper_body"]
    joints = {SMPLX_JOINTS[j // 3 - 1].replace("_", " "): [j] for j in range(first, stop, 3)}
    for hand in ("left_hand", "right_hand"):
        start = SMPLX_BODY.groups[hand][0]
        joints[f"{hand.replace('_', ' ')}, {len(HAND_JOINTS)} joints"] = [
            start + 3 * i for i in range(len(HAND_JOINTS))
        ]
    for name, columns in joints.items():
        parts = [angles(truth[:, j : j + 3], found[:, j : j + 3]) for j in columns]
        error, moved, rest = (mean(np.concatenate([part[i] for part in parts])) for i in range(3))
        frames = len(parts[0][0])
        yield Score("cues", f"{name}: mean angle", error, rest, "less", np.nan, "degrees", frames)
        yield Score("cues", f"{name}: mean angle, offset removed", moved, rest, "less", np.nan, "degrees", frames)


def angles(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degrees where found [n, 3] is known: true to found; the same, each from its mean; true to the truth's mean."""
    known = np.isfinite(found).all(axis=1)
    if not known.any():
        return np.empty(0), np.empty(0), np.empty(0)
    true, made = (Rotation.from_rotvec(values[known].astype(float)) for values in (truth, found))
    true_moved, made_moved = true.mean().inv() * true, made.mean().inv() * made
    apart = (true.inv() * made, true_moved.inv() * made_moved, true_moved)
    return tuple(np.degrees(rotation.magnitude()) for rotation in apart)  # type: ignore[return-value]


def aligned(
    known: Known, utterances: list[Path], cues: list[Path], name: str, column: str
) -> tuple[np.ndarray, np.ndarray]:
    """Truth of who says the utterance, [n, its numbers], and what was found in the valid frames, [n, features]."""
    table = read_table(cues, name)
    table = table[table["valid"]].merge(
        known.speakers(read_table(utterances, "utterances")), on=["clip_id", "utterance_id"]
    )
    frames = known.frames[["clip_id", "frame", "person", column]]
    both = table.merge(frames, left_on=["clip_id", "frame", "said_by"], right_on=["clip_id", "frame", "person"])
    widths = len(frames[column].iloc[0]), len(table["features"].iloc[0]) if len(table) else 0
    return tuple(  # type: ignore[return-value]
        np.stack(both[key].to_list()) if len(both) else np.empty((0, width))
        for key, width in zip((column, "features"), widths, strict=True)
    )
