"""Persons that a detector sees, beside the faces that are followed: found in batches, given to the faces they bear."""

from typing import Protocol

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from nonverbal.speakers.boxes import centres

BATCH = 16  # frames that wait for the detector
LEAST_FIT = 0.3  # of a face in a person's box

PERSON = ["person_x0", "person_y0", "person_x1", "person_y1"]


class PersonFinder(Protocol):
    """A detector of persons."""

    def find(self, frames: list[np.ndarray]) -> list[np.ndarray]:
        """Person boxes float [n, 4] in each uint8 RGB frame, all of one size."""


class People:
    """The persons in some frames of a clip.

    Attributes:
        found: frame -> person boxes [n, 4]; complete after `finish`.
    """

    def __init__(self, finder: PersonFinder) -> None:
        self.finder = finder
        self.waiting: dict[int, np.ndarray] = {}
        self.found: dict[int, np.ndarray] = {}

    def see(self, number: int, frame: np.ndarray) -> None:
        """Take a frame, uint8 RGB."""
        self.waiting[number] = frame
        if len(self.waiting) == BATCH:
            self.finish()

    def finish(self) -> None:
        """Look at the frames that still wait."""
        if self.waiting:
            self.found |= zip(self.waiting, self.finder.find(list(self.waiting.values())), strict=True)
            self.waiting = {}


def with_detected(rows: pd.DataFrame, faces: np.ndarray, people: dict[int, np.ndarray]) -> np.ndarray:
    """Person boxes [n, 4]: a detected person's where one bears the face, elsewhere what was estimated.

    Between detections the difference of both is interpolated, so that the box goes on following the face. A track whose
    person is never detected keeps the estimate.

    Args:
        rows: columns track_id, frame and the estimated person boxes, in order of tracks and frames.
        faces: face boxes [n, 4].
        people: frame -> person boxes.
    """
    detected = np.full((len(rows), 4), np.nan)
    numbers = rows["frame"].to_numpy()
    for frame, persons in people.items():
        here = np.flatnonzero(numbers == frame)
        for i, j in bearers(faces[here], persons).items():
            detected[here[i]] = persons[j]
    apart = pd.DataFrame(detected - rows[PERSON].to_numpy()).groupby(rows["track_id"].to_numpy())
    known = apart.transform(lambda side: side.interpolate(limit_direction="both")).fillna(0)
    return rows[PERSON].to_numpy() + known.to_numpy()


def bearers(faces: np.ndarray, persons: np.ndarray) -> dict[int, int]:
    """Face -> the person whose it is: inside the upper half of the box and near its middle; each person bears one."""
    if not len(faces) or not len(persons):
        return {}
    low = np.maximum(faces[:, None, :2], persons[None, :, :2])
    high = np.minimum(faces[:, None, 2:], persons[None, :, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=2) / np.prod(faces[:, 2:] - faces[:, :2], axis=1)[:, None]
    off = np.abs(centres(faces)[:, None] - centres(persons)[None]) / np.maximum(persons[:, 2:] - persons[:, :2], 1e-9)
    upper = centres(faces)[:, None, 1] < centres(persons)[None, :, 1]
    fit = inside * np.clip(1 - off[..., 0], 0, None) * upper
    pairs = zip(*linear_sum_assignment(fit, maximize=True), strict=True)
    return {int(i): int(j) for i, j in pairs if fit[i, j] >= LEAST_FIT}
