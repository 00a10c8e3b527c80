"""Whose faces are found, who of those seen speaks, and whose pictures each speaker gets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nonverbal.demo.known import BOX, Known
from nonverbal.demo.score import Score, mean
from nonverbal.schema import read_table

KEYS = ["clip_id", "frame"]
GOAL = 0.95


def seen_scores(known: Known, tracks: list[Path], active: list[Path]) -> Iterator[Score]:
    """Faces found, false faces, and frame by frame who of the visible speaks (baseline: the commoner answer)."""
    boxes = read_table(tracks, "tracks")[[*KEYS, "track_id", *BOX]]
    boxes = boxes[boxes["clip_id"].isin(known.good)].reset_index(drop=True)
    boxes["person"] = known.whose_face(boxes)
    visible = known.frames.loc[known.frames["visible"], [*KEYS, "person", "speaking"]]
    visible = visible[visible["clip_id"].isin(boxes["clip_id"])]
    found = visible.merge(boxes, on=[*KEYS, "person"])
    share = len(found.drop_duplicates([*KEYS, "person"])) / len(visible) if len(visible) else np.nan
    yield Score("speakers", "visible faces found", share, 0.0, "more", GOAL, "share", len(visible))
    yield Score(
        "speakers", "tracks that show a face", mean(boxes["person"] >= 0), np.nan, "more", GOAL, "share", len(boxes)
    )
    scored = found.merge(read_table(active, "active_speaker")[[*KEYS, "track_id", "score"]], on=[*KEYS, "track_id"])
    right = (scored["score"] > 0) == scored["speaking"]
    commoner = max(mean(scored["speaking"]), 1 - mean(scored["speaking"]))
    yield Score(
        "speakers", "active speaker, frames of visible faces", mean(right), commoner, "more", GOAL, "share", len(right)
    )


def assignment_score(known: Known, utterances: list[Path], crops: list[Path]) -> Score:
    """Share of the crops that show who says the utterance; the baseline takes any visible face of the frame."""
    boxes = read_table(crops, "crops")[[*KEYS, "utterance_id", *BOX]]
    rows = boxes.merge(known.speakers(read_table(utterances, "utterances")), on=["clip_id", "utterance_id"])
    right = known.whose_face(rows) == rows["said_by"]
    visible = known.frames[known.frames["visible"]]
    choices = rows.merge(visible.groupby(KEYS).size().rename("faces").reset_index(), on=KEYS, how="left")
    there = rows.merge(
        visible[[*KEYS, "person"]], left_on=[*KEYS, "said_by"], right_on=[*KEYS, "person"], how="left"
    )["person"].notna()  # fmt: skip
    chance = np.where(there, 1 / choices["faces"].to_numpy(), 0)
    return Score("speakers", "crops of who speaks", mean(right), mean(chance), "more", GOAL, "share", len(rows))
