"""Savitzky-Golay smoothing of each feature of each utterance, as published, over unbroken runs of known frames."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import savgol_filter

from nonverbal.cues.frames import content
from nonverbal.cues.settings import Smooth
from nonverbal.layouts import FLAME_FACE, SMPLX_BODY
from nonverbal.schema import kept_ids, read_arrow
from nonverbal.shards import map_units

SHORTEST = 3  # frames; what is shorter stays as it is
# Axis-angle rotations among the features, made continuous before they are smoothed.
ROTATIONS = {"face": FLAME_FACE.groups["global"], "body": (0, SMPLX_BODY.groups["jaw"][1])}


def smooth(keep_visible: Path, raw_face: Path, raw_body: Path, face: Path, body: Path, settings: Smooth) -> None:
    """Smooth face and body features; validity and confidence stay.

    Args:
        keep_visible: decisions; clips it drops are left out.
        raw_face, raw_body: tables `face` and `body`.
        face, body: tables to write.
        settings: window and order.
    """
    raw = {"face": raw_face, "body": raw_body}
    process = partial(_clip_smooth, raw=raw, settings=settings)
    clips = kept_ids(keep_visible, "keep_visible")
    key = (settings.model_dump(), content(raw_face, raw_body, keep_visible))
    map_units(clips, process, {"face": face, "body": body}, key, "smooth")


def _clip_smooth(clip_id: str, raw: dict[str, Path], settings: Smooth) -> dict[str, pd.DataFrame]:
    return {
        name: smooth_rows(read_arrow(path, name, clip_id=clip_id).to_pandas(), ROTATIONS[name], settings)
        for name, path in raw.items()
    }


def smooth_rows(rows: pd.DataFrame, rotations: tuple[int, int], settings: Smooth) -> pd.DataFrame:
    """Rows of a cue table of one clip with smoothed features, in order of utterance and frame."""
    if rows.empty:
        return rows
    rows = rows.sort_values(["utterance_id", "frame"], ignore_index=True)
    features = np.stack(rows["features"].tolist()).astype(np.float64)
    breaks = (np.diff(rows["utterance_id"]) != 0) | (np.diff(rows["frame"]) != 1)
    for run in np.split(np.arange(len(rows)), np.flatnonzero(breaks) + 1):
        features[run] = smooth_run(features[run], rotations, settings)
    return rows.assign(features=list(features.astype(np.float32)))


def smooth_run(features: np.ndarray, rotations: tuple[int, int], settings: Smooth) -> np.ndarray:
    """Consecutive frames [T, F], each feature smoothed within its stretches of known numbers; NaN stays NaN."""
    out = features.copy()
    out[:, slice(*rotations)] = unwrapped(features[:, slice(*rotations)])
    known, group = np.unique(np.isfinite(features), axis=1, return_inverse=True)
    for pattern in range(known.shape[1]):
        columns = np.flatnonzero(group.ravel() == pattern)
        for stretch in stretches(known[:, pattern]):
            block = np.ix_(stretch, columns)
            out[block] = savitzky_golay(out[block], settings)
    return out


def savitzky_golay(values: np.ndarray, settings: Smooth) -> np.ndarray:
    """Filter each column of [T, F]: window at most the largest odd number of frames, order below the window."""
    window = min(settings.window, len(values) - 1 + len(values) % 2)
    if len(values) < SHORTEST or window < SHORTEST:
        return values
    return savgol_filter(values, window, min(settings.order, window - 1), axis=0)


def stretches(known: np.ndarray) -> list[np.ndarray]:
    """Positions of each unbroken stretch of true values in bool [T]."""
    positions = np.flatnonzero(known)
    return [part for part in np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1) if len(part)]


def unwrapped(vectors: np.ndarray) -> np.ndarray:
    """Rotation vectors [T, 3 J] without jumps: each is the equal rotation nearest to the one in the frame before.

    A rotation by a about an axis is also one by a - 2 pi, so a joint that passes half a turn jumps to the other side.
    """
    joints = vectors.reshape(len(vectors), -1, 3).copy()
    for i in range(1, len(joints)):
        now, before = joints[i], joints[i - 1]
        angle = np.linalg.norm(now, axis=1, keepdims=True)
        axis = now / np.maximum(angle, 1e-9)
        turns = np.round(((before * axis).sum(axis=1, keepdims=True) - angle) / (2 * np.pi))
        joints[i] = now + np.where(np.isfinite(turns), turns, 0) * 2 * np.pi * axis
    return joints.reshape(vectors.shape)
