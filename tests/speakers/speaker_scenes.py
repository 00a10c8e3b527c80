"""Faces, voices and tables that the tests of the stage make themselves."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nonverbal.schema import DESCRIPTOR
from nonverbal.speakers.boxes import centres
from nonverbal.speakers.faces import Mouth

WIDTH, HEIGHT = 320, 180


def face(x: float, y: float = 60.0, size: float = 30.0) -> list[float]:
    """A face box by its centre."""
    return [x - size / 2, y - size / 2, x + size / 2, y + size / 2]


@dataclass
class ScriptedFaces:
    """A face finder that reads from a script: what the detector reports, and where only the mesh finds a face."""

    detected: list[list[tuple[list[float], float]]]
    meshed: dict[int, list[list[float]]] = field(default_factory=dict)
    number: int = -1

    def detect(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.number += 1
        found = self.detected[self.number]
        return np.array([box for box, _ in found], dtype=float).reshape(-1, 4), np.array([score for _, score in found])

    def mouth(self, frame: np.ndarray, box: np.ndarray) -> Mouth | None:
        faces = [b for b, _ in self.detected[self.number]] + self.meshed.get(self.number, [])
        near = [b for b in faces if np.abs(centres(np.array([b]))[0] - centres(box[None])[0]).max() < 15]
        return Mouth(np.array(near[0]), 0.1) if near else None


def scene(seed: int) -> np.ndarray:
    """A still picture that differs from those of other seeds."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 10, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((30, 32, 1), dtype=np.uint8))


def descriptor(kind: int, noise: float = 0.0, rng: np.random.Generator | None = None) -> np.ndarray:
    """A descriptor of unit length; different kinds have a cosine of 0.9."""
    vector = np.full(DESCRIPTOR, 0.0)
    vector[0], vector[1 + kind] = 3.0, 1.0
    if rng is not None:
        vector = vector + noise * rng.normal(size=DESCRIPTOR)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def mouths(speaks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mouth opening of a person who speaks in these frames: syllables at about 4 a second, else a little noise."""
    syllables = 0.15 * (1 + np.sin(np.arange(len(speaks)) * 2 * np.pi * 4 / 25 + rng.uniform(0, 6)))
    return np.where(speaks, syllables, 0.02) + 0.004 * rng.normal(size=len(speaks))


def track_table(track_id: int, first: int, mouth: np.ndarray, kind: int, x: float = 80.0) -> pd.DataFrame:
    """Table `tracks` of one track at a place."""
    frames = np.arange(first, first + len(mouth))
    table = pd.DataFrame(
        {"clip_id": "c_000", "track_id": track_id, "frame": frames, "score": np.float32(0.9), "mouth_open": mouth}
    )
    for name, value in zip(("x0", "y0", "x1", "y1"), face(x), strict=True):
        table[f"face_{name}"] = np.float32(value)
    for name, value in zip(("x0", "y0", "x1", "y1"), (x - 60, 20, x + 60, 170), strict=True):
        table[f"person_{name}"] = np.float32(value)
    table["descriptor"] = [descriptor(kind)] * len(frames)
    return table
