"""Measure: how large the actor's face and body are in the picture, and how far from its edges, every so many frames.

The boxes are those that stage speakers followed, the limbs those that stage cues knows; nothing is detected again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nonverbal.layouts import JOINTS, SMPLX_BODY
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import TABLES, kept_ids, read_arrow, read_rows
from nonverbal.shards import map_units
from nonverbal.studio.recordings import recordings
from nonverbal.studio.settings import Framing

BOX = ("x0", "y0", "x1", "y1")
EDGES = ("left", "top", "right", "bottom")
# The numbers of a body, [179], that are a limb's.
LIMBS = {
    **{
        f"{side}_arm": np.concatenate([
            np.arange(3) + 3 * JOINTS.index(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist")
        ])
        for side in ("left", "right")
    },
    **{hand: np.arange(*SMPLX_BODY.groups[hand]) for hand in ("left_hand", "right_hand")},
}  # fmt: skip
COLUMNS = ["frame", "score", "facing", *(f"{part}_{edge}" for part in ("face", "person") for edge in BOX)]


def framing(
    sides: Path, clips: Path, keep_language: Path, tracks: Path, body: Path, framing: Path, settings: Framing
) -> None:  # fmt: skip
    """Measure every so many frames of each recording, also of those without a face.

    Args:
        sides, clips: tables of those names.
        keep_language: decisions; clips it drops have no tracks, so nothing is known of them.
        tracks: table of that name.
        body: smoothed bodies; clips without any are measured, but for their limbs.
        framing: table to write.
        settings: how many frames.
    """
    followed = set(kept_ids(keep_language, "keep_language"))
    kept = {clip_id: row for clip_id, row in recordings(sides).items() if clip_id in followed}
    clip = {row["clip_id"]: row for row in read_rows(clips, "clips") if row["clip_id"] in kept}

    def one(clip_id: str) -> dict[str, pd.DataFrame]:
        boxes = read_arrow(tracks, "tracks", COLUMNS, clip_id).to_pandas()
        bodies = read_arrow(body, "body", ["frame", "valid", "features"], clip_id).to_pandas()
        rows = measured(boxes, bodies, clip[clip_id], settings.every)
        place = {name: kept[clip_id][name] for name in ("clip_id", "dialogue_id", "side")}
        return {"framing": pd.DataFrame(rows, columns=TABLES["framing"].names[3:]).assign(**place)}

    key = [settings.model_dump(), list(kept.values()), hash_path(tracks), hash_path(body)]
    map_units(kept, one, {"framing": framing}, key, "framing")


def measured(boxes: pd.DataFrame, bodies: pd.DataFrame, clip: Mapping[str, Any], every: int) -> list[dict[str, Any]]:
    """Rows of table `framing`, but for whose they are.

    Args:
        boxes: rows of table `tracks` of one clip.
        bodies: rows of table `body` of it.
        clip: frames, width and height of it.
        every: frames from one row to the next.
    """
    seen: dict[Any, pd.DataFrame] = dict(list(boxes[boxes["frame"] % every == 0].groupby("frame")))
    spoken = bodies[bodies["frame"] % every == 0].to_dict("records")
    known = {
        row["frame"]: known_limbs(row["features"]) if row["valid"] else dict.fromkeys(LIMBS, 0.0) for row in spoken
    }
    silent = dict.fromkeys(LIMBS, np.nan)
    return [
        {"frame": frame, **of_picture(seen.get(frame, boxes.head(0)), clip["width"], clip["height"])}
        | known.get(frame, silent)
        for frame in range(0, clip["frames"], every)
    ]


def of_picture(faces: pd.DataFrame, width: int, height: int) -> dict[str, Any]:
    """Areas and distances of the largest face of a picture and of its person, as shares of the picture."""
    if faces.empty:
        lengths = {f"{part}_{edge}": np.nan for part in ("face", "body") for edge in ("area", *EDGES)}
        return {"faces": 0, "readable": False, **lengths}
    sizes = (faces["face_x1"] - faces["face_x0"]) * (faces["face_y1"] - faces["face_y0"])
    largest = faces.iloc[int(sizes.to_numpy().argmax())]
    found: dict[str, Any] = {"faces": len(faces), "readable": bool(np.isfinite(largest["facing"]))}
    for part, name in (("face", "face"), ("person", "body")):
        box = [float(largest[f"{part}_{edge}"]) for edge in BOX]
        found |= {f"{name}_area": area(box, width, height)} | margins(box, name, width, height)
    return found


def area(box: list[float], width: int, height: int) -> float:
    """Share of the picture that lies in a box (x0, y0, x1, y1), which may reach past its edges."""
    across = min(box[2], width) - max(box[0], 0)
    down = min(box[3], height) - max(box[1], 0)
    return max(across, 0.0) * max(down, 0.0) / (width * height)


def margins(box: list[float], name: str, width: int, height: int) -> dict[str, float]:
    """From each edge of the picture to a box, as a share of width or height; negative past it."""
    distances = (box[0] / width, box[1] / height, 1 - box[2] / width, 1 - box[3] / height)
    return {f"{name}_{edge}": distance for edge, distance in zip(EDGES, distances, strict=True)}


def known_limbs(features: np.ndarray) -> dict[str, float]:
    """Share of each limb's numbers that are known."""
    return {limb: float(np.isfinite(features[numbers]).mean()) for limb, numbers in LIMBS.items()}
