"""P5: the body of whoever speaks, a vector of 179 numbers a frame."""

from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from nonverbal.cues.body_fit import BodyFit
from nonverbal.cues.body_response import load_instrument
from nonverbal.cues.frames import content, kept_clips, places, runs, sightings, to_rows
from nonverbal.cues.pose import PoseFinder
from nonverbal.cues.settings import Body, MediapipeIkSettings
from nonverbal.layouts import BODY_FEATURES, FLAME_FACE
from nonverbal.models import fetched
from nonverbal.schema import read_arrow
from nonverbal.shards import map_units


class BodyBackend(Protocol):
    """Anything that sees bodies in a clip."""

    def __call__(self, video: Path, seen: pd.DataFrame, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features [len(seen), 179], NaN where unknown, and confidence [len(seen)] of each sighting.

        `head` is the head's rotation in camera axes, [len(seen), 3], from the face; NaN where unknown.
        """


class MediapipeIk:
    """mediapipe's pose and hands; inverse kinematics, refined by a fit; what is measured of its errors taken off."""

    def __init__(self, settings: MediapipeIkSettings, instrument: Path) -> None:
        self.finder = PoseFinder()
        self.correct = load_instrument(instrument)
        self.fit = BodyFit(self.correct.sight, settings)

    def __call__(self, video: Path, seen: pd.DataFrame, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `BodyBackend`."""
        points = self.finder(video, seen)
        unbroken = runs(seen["track_id"].to_numpy(), seen["frame"].to_numpy())
        features, sure = self.fit(points, head, unbroken)
        return self.correct(features), sure


def load_body_backend(settings: Body, instrument: Path, models: list[Path]) -> BodyBackend:
    """The backend that `settings.backend` names, with its networks loaded."""
    match settings.backend:
        case "mediapipe_ik":
            return MediapipeIk(settings.mediapipe_ik, instrument)
        case "osx":
            from nonverbal.cues.osx import Osx

            return Osx(settings.osx, fetched(models)["osx"])


def body(
    clips: Path, media: Path, keep_visible: Path, crops: Path, face: Path, instrument: Path, models: list[Path],
    body: Path, settings: Body,
) -> None:  # fmt: skip
    """Body parameters of every crop of the clips that are still kept.

    Args:
        clips, keep_visible, crops, face: tables of those names; face gives the rotation of the head.
        media: folder of the clips' videos.
        instrument: how the networks and the fit see a body, see `body_instrument`.
        models: those that the backend needs.
        body: table to write, a row a row of `crops`.
        settings: backend and its settings.
    """
    videos = kept_clips(clips, keep_visible)
    backend = load_body_backend(settings, instrument, models)
    process = partial(_clip_body, videos=videos, media=media, crops=crops, face=face, backend=backend)
    key = (settings.model_dump(), videos, content(crops, face, instrument))
    map_units(videos, process, {"body": body}, key, "body")


def _clip_body(
    clip_id: str, videos: dict[str, str], media: Path, crops: Path, face: Path, backend: BodyBackend
) -> dict[str, pd.DataFrame]:
    rows = read_arrow(crops, "crops", clip_id=clip_id).to_pandas()
    faces = read_arrow(face, "face", clip_id=clip_id).to_pandas()
    seen = sightings(rows)
    if seen.empty:
        return {"body": to_rows(rows, seen, np.empty((0, BODY_FEATURES)), np.empty(0))}
    features, sure = backend(media / videos[clip_id], seen, head_rotations(rows, faces, seen))
    return {"body": to_rows(rows, seen, features, sure)}


def head_rotations(crops: pd.DataFrame, faces: pd.DataFrame, seen: pd.DataFrame) -> np.ndarray:
    """Rotation of the head in each sighting, axis-angle [len(seen), 3], from the rows of table `face`, one a crop."""
    out = np.full((len(seen), 3), np.nan)
    if len(faces):
        out[places(crops, seen)] = np.stack(faces["features"].tolist())[:, slice(*FLAME_FACE.groups["global"])]
    return out
