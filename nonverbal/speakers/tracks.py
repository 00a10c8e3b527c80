"""P3: each face and person followed through each shot of a clip, from one decoding of its video."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.media import decode_frames
from nonverbal.models import fetched
from nonverbal.schema import TABLES, kept_ids, read_table
from nonverbal.shards import digest, map_units
from nonverbal.speakers.boxes import clipped, person_boxes
from nonverbal.speakers.descriptor import Colours, Describer
from nonverbal.speakers.faces import FaceFinder, MediapipeFaces
from nonverbal.speakers.follow import Follower, Track
from nonverbal.speakers.people import PERSON, People, PersonFinder, with_detected
from nonverbal.speakers.persons import FACE
from nonverbal.speakers.settings import Tracks
from nonverbal.speakers.shots import Cameras, ShotChanges, small_picture

NOWHERE = np.full(4, np.nan)


def tracks(clips: Path, media: Path, keep_language: Path, tracks: Path, settings: Tracks, models: list[Path]) -> None:
    """Follow the faces of every clip that is still kept.

    Args:
        clips: table of that name.
        media: folder of the clips' videos.
        keep_language: decisions; clips it drops are not looked at.
        tracks: table to write, one row a track a frame.
        settings: backends and thresholds.
        models: fetched ones that the backends need.
    """
    kept = kept_ids(keep_language, "keep_language")
    clip = {row["clip_id"]: row for row in read_table(clips, "clips").to_dict("records")}
    finder, describer = MediapipeFaces(settings.lowest_score), _describer(settings, fetched(models))
    persons = _person_finder(settings, fetched(models))

    def process(clip_id: str) -> dict[str, pd.DataFrame]:
        row = clip[clip_id]
        frames = islice(decode_frames(media / row["video"]), row["frames"])
        people = People(persons) if persons else None
        found = follow_faces(frames, finder, describer, settings, people)
        return {"tracks": track_rows(clip_id, found, row["width"], row["height"], people)}

    key = (settings.model_dump(), digest([clip[clip_id] for clip_id in kept]))
    map_units(kept, process, {"tracks": tracks}, key, "tracks")


def _describer(settings: Tracks, models: dict[str, Path]) -> Describer:
    if settings.descriptor == "embedded":
        return Colours()
    from nonverbal.speakers.mobilenet import PersonFeatures

    return PersonFeatures(models["mobilenet_v2"])


def _person_finder(settings: Tracks, models: dict[str, Path]) -> PersonFinder | None:
    if settings.backend != "yolo":
        return None
    from nonverbal.speakers.yolo import YoloPersons

    return YoloPersons(models["yolo"], settings.lowest_score)


def follow_faces(
    frames: Iterable[np.ndarray],
    finder: FaceFinder,
    describer: Describer,
    settings: Tracks,
    people: People | None = None,
) -> list[Track]:
    """The tracks in a video's frames, uint8 RGB; no track crosses a shot change.

    Where persons are detected, `people` gets the frames in which the face detector looks.
    """
    shot_changes = ShotChanges(settings.shot_change, settings.shot_change_ratio)
    cameras = Cameras(settings.same_camera)
    follower = Follower(finder, describer, settings)
    for number, frame in enumerate(frames):
        small = small_picture(frame)
        cut = shot_changes(small)
        cameras.see(small, cut)
        if follower.see(number, frame, cut) and people:
            people.see(number, frame)
    if people:
        people.finish()
    cameras.end_shot()
    found = follower.finish()
    for track in found:
        track.camera = cameras.of_shot[track.shot]
    return found


def track_rows(clip_id: str, found: list[Track], width: int, height: int, people: People | None = None) -> pd.DataFrame:
    """The table `tracks` of one clip: gaps inside a track filled, boxes clipped, persons' boxes added."""
    if not found:
        return TABLES["tracks"].empty_table().to_pandas()
    rows = pd.concat([_filled(track).assign(track_id=i) for i, track in enumerate(found)], ignore_index=True)
    rows[FACE] = clipped(rows[FACE].to_numpy(), width, height)
    rows[PERSON] = person_boxes(
        rows[FACE].to_numpy(), rows["track_id"].to_numpy(), rows["frame"].to_numpy(), width, height
    )
    if people:
        rows[PERSON] = clipped(with_detected(rows, rows[FACE].to_numpy(), people.found), width, height)
    return rows.assign(clip_id=clip_id)[TABLES["tracks"].names]


def _filled(track: Track) -> pd.DataFrame:
    """A row for each frame of a track; in gaps score is 0, the mouth unknown, and the box interpolated.

    The mesh's box differs a little from the detector's, by as much as the head is turned: where the mesh alone saw the
    face, the difference is interpolated between detections, so that boxes don't jump at each of them.
    """
    seen = track.sightings
    frames = [sighting.frame for sighting in seen]
    span = range(frames[0], frames[-1] + 1)
    detected, mesh = (
        pd.DataFrame([NOWHERE if box is None else box for box in boxes], columns=FACE, index=frames).reindex(span)
        for boxes in ([s.box if s.detected else None for s in seen], [s.mesh and s.mesh.box for s in seen])
    )
    apart = (detected - mesh).interpolate(limit_direction="both").fillna(0)
    table = detected.fillna(mesh + apart).interpolate()
    table["score"] = pd.Series([s.score for s in seen], index=frames)
    table["mouth_open"] = pd.Series([s.mesh.opening if s.mesh else np.nan for s in seen], index=frames)
    table["facing"] = pd.Series([s.mesh.facing if s.mesh else np.nan for s in seen], index=frames)
    table["shot"], table["camera"], table["descriptor"] = track.shot, track.camera, pd.Series(track.looks, dtype=object)
    return table.fillna({"score": 0.0}).rename_axis("frame").reset_index()
