"""P3: each face and person followed through each shot of a clip, from one decoding of its video."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.media import decode_frames
from nonverbal.schema import DESCRIPTOR, TABLES, kept_ids, read_table
from nonverbal.shards import digest, map_units
from nonverbal.speakers.boxes import clipped, person_boxes
from nonverbal.speakers.faces import BACKENDS, FaceFinder
from nonverbal.speakers.follow import Follower, Track
from nonverbal.speakers.settings import Tracks
from nonverbal.speakers.shots import ShotChanges

FACE = ["face_x0", "face_y0", "face_x1", "face_y1"]
PERSON = ["person_x0", "person_y0", "person_x1", "person_y1"]
DESCRIBED = [f"descriptor_{i}" for i in range(DESCRIPTOR)]


def tracks(clips: Path, media: Path, keep_language: Path, tracks: Path, settings: Tracks) -> None:
    """Follow the faces of every clip that is still kept.

    Args:
        clips: table of that name.
        media: folder of the clips' videos.
        keep_language: decisions; clips it drops are not looked at.
        tracks: table to write, one row a track a frame.
        settings: backend and thresholds.
    """
    kept = kept_ids(keep_language, "keep_language")
    clip = {row["clip_id"]: row for row in read_table(clips, "clips").to_dict("records")}
    finder = BACKENDS[settings.backend](settings.lowest_score)

    def process(clip_id: str) -> dict[str, pd.DataFrame]:
        row = clip[clip_id]
        found = follow_faces(islice(decode_frames(media / row["video"]), row["frames"]), finder, settings)
        return {"tracks": track_rows(clip_id, found, row["width"], row["height"])}

    key = (settings.model_dump(), digest([clip[clip_id] for clip_id in kept]))
    map_units(kept, process, {"tracks": tracks}, key, "tracks")


def follow_faces(frames: Iterable[np.ndarray], finder: FaceFinder, settings: Tracks) -> list[Track]:
    """The tracks in a video's frames, uint8 RGB; no track crosses a shot change."""
    shot_changes = ShotChanges(settings.shot_change, settings.shot_change_ratio)
    follower = Follower(finder, settings)
    for number, frame in enumerate(frames):
        follower.see(number, frame, shot_changes(frame))
    return follower.finish()


def track_rows(clip_id: str, found: list[Track], width: int, height: int) -> pd.DataFrame:
    """The table `tracks` of one clip: gaps inside a track filled, boxes clipped, persons' boxes added."""
    if not found:
        return TABLES["tracks"].empty_table().to_pandas()
    rows = pd.concat([_filled(track).assign(track_id=i) for i, track in enumerate(found)], ignore_index=True)
    rows[FACE] = clipped(rows[FACE].to_numpy(), width, height)
    rows[PERSON] = person_boxes(
        rows[FACE].to_numpy(), rows["track_id"].to_numpy(), rows["frame"].to_numpy(), width, height
    )
    described = rows[DESCRIBED].to_numpy()
    lengths = np.linalg.norm(described, axis=1, keepdims=True)
    rows["descriptor"] = list((described / np.maximum(lengths, 1e-9)).astype(np.float32))
    return rows.drop(columns=DESCRIBED).assign(clip_id=clip_id)[TABLES["tracks"].names]


def _filled(track: Track) -> pd.DataFrame:
    """A row for each frame of a track; in gaps score is 0, the mouth unknown, and the rest interpolated."""
    seen = track.sightings
    numbers = np.hstack([np.array([s.box for s in seen]), np.array([s.descriptor for s in seen])])
    table = pd.DataFrame(numbers, columns=[*FACE, *DESCRIBED], index=[s.frame for s in seen])
    table["score"], table["mouth_open"] = [s.score for s in seen], [s.mouth_open for s in seen]
    table = table.reindex(range(seen[0].frame, seen[-1].frame + 1))
    table[[*FACE, *DESCRIBED]] = table[[*FACE, *DESCRIBED]].interpolate()
    return table.fillna({"score": 0.0}).rename_axis("frame").reset_index()
