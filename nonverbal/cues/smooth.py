"""Smoothing of each utterance's cues over time, and how much they shake before and after."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.cues.filters import Track, adaptive, jitter, published
from nonverbal.cues.frames import content
from nonverbal.cues.settings import Smooth
from nonverbal.layouts import FLAME_FACE, SMPLX_BODY
from nonverbal.schema import TABLES, kept_ids, read_arrow
from nonverbal.shards import map_units

# Axis-angle rotations among the features.
ROTATIONS = {"face": FLAME_FACE.groups["global"], "body": (0, SMPLX_BODY.groups["jaw"][1])}
GROUPS = {"face": FLAME_FACE.groups, "body": SMPLX_BODY.groups}


def smooth(
    keep_visible: Path, raw_face: Path, raw_body: Path, face: Path, body: Path, quality: Path, settings: Smooth
) -> None:
    """Smooth face and body features; validity and confidence stay.

    Args:
        keep_visible: decisions; clips it drops are left out.
        raw_face, raw_body: tables `face` and `body`.
        face, body, quality: tables to write.
        settings: method and its numbers.
    """
    raw = {"face": raw_face, "body": raw_body}
    process = partial(_clip_smooth, raw=raw, settings=settings)
    clips = kept_ids(keep_visible, "keep_visible")
    key = (settings.model_dump(), content(raw_face, raw_body, keep_visible))
    map_units(clips, process, {"face": face, "body": body, "quality": quality}, key, "smooth")


def _clip_smooth(clip_id: str, raw: dict[str, Path], settings: Smooth) -> dict[str, pd.DataFrame]:
    tables, scores = {}, [TABLES["quality"].empty_table().to_pandas()]
    for part, path in raw.items():
        rows = read_arrow(path, part, clip_id=clip_id).to_pandas()
        rows = rows.sort_values(["utterance_id", "frame"], ignore_index=True)
        if rows.empty:
            tables[part] = rows
            continue
        track = to_track(rows, ROTATIONS[part])
        by_method = smoothed(track, settings)
        tables[part] = rows.assign(features=list(by_method[settings.method].astype(np.float32)))
        scores.append(scored(rows, track, by_method, part))
    return tables | {"quality": pd.concat([score for score in scores if len(score)] or scores, ignore_index=True)}


def to_track(rows: pd.DataFrame, rotations: tuple[int, int]) -> Track:
    """Rows of a cue table of one clip, sorted by utterance and frame, as arrays."""
    breaks = (np.diff(rows["utterance_id"]) != 0) | (np.diff(rows["frame"]) != 1)
    return Track(
        features=np.stack(rows["features"].tolist()).astype(np.float64),
        rotations=rotations,
        run=np.concatenate([[0], np.cumsum(breaks)]),
        person=rows["speaker"].to_numpy(),
        confidence=rows["confidence"].to_numpy(np.float64),
    )


def smoothed(track: Track, settings: Smooth) -> dict[str, np.ndarray]:
    """Features [N, F] as read, and by each method."""
    return {
        "raw": track.features,
        "published": published(track, settings.published),
        "adaptive": adaptive(track, settings.adaptive),
    }


def scored(rows: pd.DataFrame, track: Track, by_method: dict[str, np.ndarray], part: str) -> pd.DataFrame:
    """Rows of table `quality` of one clip: an utterance and a group of the layout each."""
    starts = np.flatnonzero(np.diff(rows["utterance_id"], prepend=-1))
    keys = {name: rows[name].to_numpy()[starts] for name in ("clip_id", "utterance_id")}
    scores = []
    for group, (start, stop) in GROUPS[part].items():
        known = np.isfinite(track.features[:, start:stop]).mean(axis=1)
        numbers = {"known": known, "confidence": track.confidence} | {
            f"jitter_{method}": jitter(track, features, (start, stop)) for method, features in by_method.items()
        }
        named = {"part": part, "group": group, "frames": np.diff(np.append(starts, len(rows)))}
        means = {name: _means(values, starts) for name, values in numbers.items()}
        scores.append(pd.DataFrame(keys | named | means))
    return pd.concat(scores, ignore_index=True)


def _means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Means of the known among values [N] from each start to the next, NaN where nothing is known."""
    known = np.isfinite(values)
    total, count = (np.add.reduceat(numbers, starts) for numbers in (np.where(known, values, 0.0), known.astype(float)))
    return np.divide(total, count, out=np.full(len(starts), np.nan), where=count > 0)
