"""P6: the face of whoever speaks, a vector of 156 numbers a frame."""

from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from nonverbal.cues.face_mesh import clip_points, new_mesh
from nonverbal.cues.frames import Trackers, content, kept_clips, sightings, speakers, to_rows
from nonverbal.cues.open_face import confidence, face_features, fit_person, load_instrument
from nonverbal.cues.settings import Face, OpenFaceSettings
from nonverbal.layouts import FACE_FEATURES
from nonverbal.models import fetched
from nonverbal.schema import read_arrow
from nonverbal.shards import map_units


class FaceBackend(Protocol):
    """Anything that sees faces in a clip; its head rotation (50:53) is the head's in camera axes, facing it is zero."""

    def __call__(self, video: Path, seen: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Features [len(seen), 156], NaN where unknown, and confidence [len(seen)] of each sighting."""


class OpenFace:
    """mediapipe's face mesh, and facial actions fitted to it; each speaker of a clip has one resting face."""

    def __init__(self, settings: OpenFaceSettings, instrument: Path) -> None:
        self.settings, self.instrument = settings, load_instrument(instrument)
        self.meshes = Trackers(new_mesh)

    def __call__(self, video: Path, seen: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """See `FaceBackend`."""
        points = clip_points(video, seen, self.meshes, self.settings.margin)
        features, sure = np.full((len(seen), FACE_FEATURES), np.nan), np.zeros(len(seen))
        found = np.isfinite(points).all(axis=(1, 2))
        for rows, unbroken in speakers(seen, found):
            fitted = fit_person(points[rows], unbroken, self.settings, self.instrument)
            features[rows] = face_features(fitted, self.instrument)
            sure[rows] = confidence(fitted, self.instrument)
        features[sure < self.settings.least_confidence] = np.nan
        return features, sure


def load_face_backend(settings: Face, instrument: Path, models: list[Path]) -> FaceBackend:
    """The backend that `settings.backend` names, with its networks loaded."""
    match settings.backend:
        case "open_face":
            return OpenFace(settings.open_face, instrument)
        case "emoca":
            from nonverbal.cues.emoca import Emoca

            return Emoca(settings.emoca, fetched(models)["emoca"])
        case "flame":
            from nonverbal.cues.flame import Flame

            files = fetched(models)
            return Flame(settings.flame, files["flame"], files["flame_landmarks"])


def face(
    clips: Path, media: Path, keep_visible: Path, crops: Path, instrument: Path, models: list[Path],
    face: Path, settings: Face,
) -> None:  # fmt: skip
    """Face parameters of every crop of the clips that are still kept.

    Args:
        clips, keep_visible, crops: tables of those names.
        media: folder of the clips' videos.
        instrument: how the mesh answers to facial actions, see `open_face_instrument`.
        models: those that the backend needs.
        face: table to write, a row a row of `crops`.
        settings: backend and its settings.
    """
    videos = kept_clips(clips, keep_visible)
    backend = load_face_backend(settings, instrument, models)
    process = partial(_clip_face, videos=videos, media=media, crops=crops, backend=backend)
    key = (settings.model_dump(), videos, content(crops, instrument))
    map_units(videos, process, {"face": face}, key, "face")


def _clip_face(
    clip_id: str, videos: dict[str, str], media: Path, crops: Path, backend: FaceBackend
) -> dict[str, pd.DataFrame]:
    rows = read_arrow(crops, "crops", clip_id=clip_id).to_pandas()
    seen = sightings(rows)
    if seen.empty:
        return {"face": to_rows(rows, seen, np.empty((0, FACE_FEATURES)), np.empty(0))}
    features, sure = backend(media / videos[clip_id], seen)
    return {"face": to_rows(rows, seen, features, sure)}
