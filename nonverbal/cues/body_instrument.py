"""Measure how the body's kinematics answer to joint rotations, on rendered strangers where they are known.

`python -m nonverbal.cues.body_instrument` writes resources/body_instrument.npz: films of random people who move at
random (`strangers`) go through the stage's own backends; each true rotation is then regressed on what was found.
"""

import importlib.metadata
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from nonverbal.cues.body import MediapipeIk
from nonverbal.cues.body_response import BODY, INSTRUMENT, KNOWN, Instrument, deviations, joint_rotations
from nonverbal.cues.face import OpenFace
from nonverbal.cues.open_face import INSTRUMENT as FACE_INSTRUMENT
from nonverbal.cues.settings import OpenFaceSettings
from nonverbal.cues.strangers import film
from nonverbal.layouts import FLAME_FACE
from nonverbal.progress import track

SEED, PEOPLE, SHOTS, FRAMES = 20250729, 60, 4, 25
RIDGE = 3.0  # frames' worth, times a squared radian, of evidence that nothing moves
STEPS, NEAR_RAD = 8, 0.05  # of the regression; errors below count by their square
FACE_SETTINGS = OpenFaceSettings(
    margin=1.5, ridge=50, symmetry=300, sparsity=10, rest=0.25, least_confidence=0
)  # only the head's turn is used


class Seen(NamedTuple):
    """Rotation vectors of the J joints of KNOWN, found (NaN where unknown) and true [N, J, 3], and the person [N]."""

    found: np.ndarray
    true: np.ndarray
    person: np.ndarray


def look_at(people: range, seed: int) -> Seen:
    """Film strangers and run the stage's face and body backends on them."""
    face, body, parts = OpenFace(FACE_SETTINGS, FACE_INSTRUMENT), MediapipeIk(None), []
    with tempfile.TemporaryDirectory() as folder:
        for number in track(people, "strangers"):
            video = Path(folder) / f"{number}.mp4"
            filmed = film(video, np.random.default_rng([seed, number]), SHOTS, FRAMES)
            head = face(video, filmed.seen)[0][:, slice(*FLAME_FACE.groups["global"])]
            found, _ = body(video, filmed.seen, head)
            parts.append((joint_rotations(found), joint_rotations(filmed.body), np.full(len(found), number)))
    return Seen(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def mirrored(rotations: np.ndarray) -> np.ndarray:
    """Rotation vectors [N, J, 3] as a mirror shows them: sides exchanged."""
    swapped = {"left": "right", "right": "left"}
    names = [joint.split("_", 1) for joint in KNOWN]
    twin = [KNOWN.index("_".join([swapped.get(side, side), *rest])) for side, *rest in names]
    return rotations[:, twin] * (1, -1, -1)


def identify(seen: Seen, made: dict[str, object]) -> Instrument:
    """Ridge regression of the true deviations on the found ones, each person also as in a mirror."""
    found, true = (np.concatenate([rotations, mirrored(rotations)]) for rotations in (seen.found, seen.true))
    known = np.isfinite(found).all(axis=2)
    rows = [np.flatnonzero(column) for column in known.T]
    means = [
        np.stack([Rotation.from_rotvec(rotations[row, i]).mean().as_rotvec() for i, row in enumerate(rows)])
        for rotations in (found, true)
    ]
    causes = np.nan_to_num(deviations(found, means[0])).reshape(len(found), -1)
    effects, gain = deviations(true, means[1]), np.zeros((causes.shape[1], causes.shape[1]))
    for i, joint in enumerate(KNOWN):
        looks = np.repeat([helps(joint, other) for other in KNOWN], 3)
        gain[looks, 3 * i : 3 * i + 3] = robust_ridge(causes[np.ix_(rows[i], looks)], effects[rows[i], i])
    return Instrument(means[0], means[1], gain, made)


def helps(joint: str, other: str) -> bool:
    """Whether what was found of another joint is looked at: of trunk, head and the same arm, or of the same hand."""
    sides = [name.split("_")[0] for name in (joint, other)]
    if joint in BODY:
        return other in BODY and sides[1] in (sides[0], "root", "head")
    return sides[0] == sides[1]


def robust_ridge(causes: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """The map [C, 3] from causes [N, C] to effects [N, 3] of least mean angle, not square: some are misread by far."""
    weights, pull = np.ones(len(causes)), RIDGE * np.eye(causes.shape[1])
    for _ in range(STEPS):
        weighted = causes * weights[:, None]
        solution = np.linalg.solve(weighted.T @ causes + pull, weighted.T @ effects)
        weights = 1 / np.maximum(np.linalg.norm(effects - causes @ solution, axis=1), NEAR_RAD)
        weights /= weights.mean()
    return solution


def made_with(seed: int) -> dict[str, object]:
    """What the instrument depends on."""
    names = ("anny", "mediapipe", "numpy", "opencv-python-headless", "scipy")
    return {
        "command": "python -m nonverbal.cues.body_instrument",
        "seed": seed,
        "people": PEOPLE,
        "frames": SHOTS * FRAMES,
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


if __name__ == "__main__":
    identify(look_at(range(PEOPLE), SEED), made_with(SEED)).save(INSTRUMENT)
    sys.stdout.write(f"{INSTRUMENT}\n")
