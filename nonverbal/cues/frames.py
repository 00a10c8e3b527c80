"""The people of one clip, picture by picture: one decoding of the video, one tracker a person in view."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import pandas as pd

from nonverbal.media import decode_frames
from nonverbal.schema import kept_ids, read_table

FACE = ["face_x0", "face_y0", "face_x1", "face_y1"]
PERSON = ["person_x0", "person_y0", "person_x1", "person_y1"]
SIGHTING = ["speaker", "track_id", "frame"]  # what names a sighting


class Resettable(Protocol):
    """What mediapipe's solutions have in common: they follow what they saw in the picture before, until reset."""

    def reset(self) -> None:
        """Forget all pictures."""


Tracker = TypeVar("Tracker", bound=Resettable)


class Trackers(Generic[Tracker]):
    """One tracker a track, reset where the track was not seen in the frame before; idle ones serve new tracks."""

    def __init__(self, make: Callable[[], Tracker]) -> None:
        self._make = make
        self._idle: list[Tracker] = []
        self._busy: dict[int, tuple[Tracker, int]] = {}

    def get(self, track: int, frame: int) -> Tracker:
        """The tracker of a track at a frame; frames must not go back."""
        for other, (tracker, last) in list(self._busy.items()):
            if last < frame - 1:
                self._idle.append(tracker)
                del self._busy[other]
        if track not in self._busy:
            self._busy[track] = (self._fresh(), frame)
        tracker, _ = self._busy[track]
        self._busy[track] = (tracker, frame)
        return tracker

    def clear(self) -> None:
        """Forget all tracks: the next clip starts."""
        self._idle += [tracker for tracker, _ in self._busy.values()]
        self._busy = {}

    def _fresh(self) -> Tracker:
        if not self._idle:
            return self._make()
        tracker = self._idle.pop()
        tracker.reset()
        return tracker


class Crop(NamedTuple):
    """Part of a picture: uint8 RGB [h, w, 3] and where its upper left corner lies."""

    picture: np.ndarray
    x: int
    y: int

    @property
    def scale(self) -> np.ndarray:
        """Pixels of mediapipe's relative units (x, y, z), [3]."""
        height, width = self.picture.shape[:2]
        return np.array([width, height, width], np.float32)


def crop(picture: np.ndarray, box: np.ndarray, scale: float = 1.0, square: bool = False) -> Crop | None:
    """The part of a picture inside a box (x0, y0, x1, y1), scaled about its centre; None where nothing is left."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    width, height = (x1 - x0) * scale, (y1 - y0) * scale
    if square:
        width = height = max(width, height)
    left, top = round(max((x0 + x1 - width) / 2, 0)), round(max((y0 + y1 - height) / 2, 0))
    right = round(min((x0 + x1 + width) / 2, picture.shape[1]))
    bottom = round(min((y0 + y1 + height) / 2, picture.shape[0]))
    if right - left < 2 or bottom - top < 2:
        return None
    return Crop(np.ascontiguousarray(picture[top:bottom, left:right]), left, top)


def sightings(crops: pd.DataFrame) -> pd.DataFrame:
    """Each person's boxes once a frame, in order of frames, from the crops of one clip (utterances may overlap)."""
    rows = crops[[*SIGHTING, *FACE, *PERSON]].drop_duplicates(SIGHTING)
    return rows.sort_values(SIGHTING[::-1], ignore_index=True)


def pictures(video: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(position in `frames`, picture uint8 RGB) for each of the ascending frame numbers that the video has."""
    position = 0
    for number, picture in enumerate(decode_frames(video)):
        while position < len(frames) and frames[position] == number:
            yield position, picture
            position += 1
        if position == len(frames):
            return


def runs(tracks: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Number of the unbroken run of frames of one track that each row belongs to, [N]; rows in any order."""
    order = np.lexsort((frames, tracks))
    breaks = (np.diff(tracks[order]) != 0) | (np.diff(frames[order]) > 1)
    numbers = np.empty(len(frames), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(breaks)])[: len(frames)]
    return numbers


def speakers(seen: pd.DataFrame, usable: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each speaker's usable sightings, [n] of bool [len(seen)], and the number of the run that each is in, [n]."""
    for speaker in np.unique(seen["speaker"][usable]):
        rows = np.flatnonzero(usable & (seen["speaker"] == speaker))
        yield rows, runs(seen["track_id"].to_numpy()[rows], seen["frame"].to_numpy()[rows])


def places(crops: pd.DataFrame, seen: pd.DataFrame) -> np.ndarray:
    """For each row of the crops of one clip, the row of its sighting, [len(crops)]."""
    return pd.MultiIndex.from_frame(seen[SIGHTING]).get_indexer(pd.MultiIndex.from_frame(crops[SIGHTING]))


def to_rows(crops: pd.DataFrame, seen: pd.DataFrame, features: np.ndarray, confidence: np.ndarray) -> pd.DataFrame:
    """A row of cues for each row of crops.

    Args:
        crops: rows of one clip.
        seen: its sightings.
        features: [len(seen), F]; a row of NaN alone is not valid.
        confidence: [len(seen)] in 0..1; taken as 0 where not valid, but above 0 there it tells unsure from not found.
    """
    place = places(crops, seen)
    valid = np.isfinite(features).any(axis=1)[place]
    rows = crops[["clip_id", "utterance_id", "speaker", "frame"]].reset_index(drop=True)
    rows["valid"] = valid
    rows["reason"] = np.where(valid, "", np.where(confidence[place] > 0, "unsure", "not_found")).astype(object)
    rows["confidence"] = np.where(valid, confidence[place], 0.0).astype(np.float32)
    rows["features"] = pd.Series(list(features[place].astype(np.float32)), rows.index, object)  # also of no rows
    return rows


def kept_clips(clips: Path, keep_visible: Path) -> dict[str, str]:
    """Clip id -> name of its video, of the clips that are still kept."""
    videos = read_table(clips, "clips").set_index("clip_id")["video"]
    return {clip_id: str(videos[clip_id]) for clip_id in kept_ids(keep_visible, "keep_visible")}


def content(*files: Path) -> list[str]:
    """Digests of files, for the key of a work folder."""
    digests = []
    for path in files:
        with path.open("rb") as handle:
            digests.append(hashlib.file_digest(handle, "sha256").hexdigest())
    return digests
