"""Faces, voices and tables that the tests of the stage make themselves."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nonverbal.speakers.boxes import centres
from nonverbal.speakers.faces import Mouth

WIDTH, HEIGHT = 320, 180
DESCRIPTOR = 32  # numbers of the embedded descriptor


def face(x: float, y: float = 60.0, size: float = 30.0) -> list[float]:
    """A face box by its centre."""
    return [x - size / 2, y - size / 2, x + size / 2, y + size / 2]


@dataclass
class ScriptedFaces:
    """A face finder that reads from a script: what the detector reports, and where only the mesh finds a face.

    The mesh draws a face `lower` pixels lower than the detector does. Frames must be `numbered`.
    """

    detected: list[list[tuple[list[float], float]]]
    meshed: dict[int, list[list[float]]] = field(default_factory=dict)
    lower: float = 0.0
    asked: list[int] = field(default_factory=list)

    def detect(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(int(frame[0, 0, 0]))
        found = self.detected[self.asked[-1]]
        return np.array([box for box, _ in found], dtype=float).reshape(-1, 4), np.array([score for _, score in found])

    def mouth(self, frame: np.ndarray, box: np.ndarray) -> Mouth | None:
        number = int(frame[0, 0, 0])
        faces = [b for b, _ in self.detected[number]] + self.meshed.get(number, [])
        near = [b for b in faces if np.abs(centres(np.array([b]))[0] - centres(box[None])[0]).max() < 15]
        return Mouth(np.add(near[0], (0, self.lower, 0, self.lower)), 0.1) if near else None


def numbered(frame: np.ndarray, number: int) -> np.ndarray:
    """A copy that carries its number, below 256, in its first pixel."""
    frame = frame.copy()
    frame[0, 0, 0] = number
    return frame


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
        {"clip_id": "c_000", "shot": 0, "camera": 0, "track_id": track_id, "frame": frames, "score": np.float32(0.9),
         "mouth_open": mouth, "facing": 0.0}
    )  # fmt: skip
    for name, value in zip(("x0", "y0", "x1", "y1"), face(x), strict=True):
        table[f"face_{name}"] = np.float32(value)
    for name, value in zip(("x0", "y0", "x1", "y1"), (x - 60, 20, x + 60, 170), strict=True):
        table[f"person_{name}"] = np.float32(value)
    table["descriptor"] = [descriptor(kind)] * len(frames)
    return table
