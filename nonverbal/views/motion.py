"""One speaker's smoothed parameters over successive frames: what is known, and what stands in where it is not.

A number that is not known keeps its last known value, before the first known one it has that, and where it is never
known it is that of `RESTING` or 0. What is known is kept beside, so that every view marks what is only held.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from nonverbal.avatar.skeleton import JOINTS
from nonverbal.errors import UserError
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.views.found import Found, Span

ARM_DOWN = 1.3  # radians from the T-pose: how an arm hangs that was never seen
_HAND = ("wrist", "index", "middle", "pinky", "ring", "thumb")
# What is marked as one where it is not known, and the joints that say so; the first's includes all other joints.
PARTS = {
    "trunk": ("root",),
    "head": ("head",),
    **{f"{side} arm": (f"{side}_shoulder", f"{side}_elbow") for side in ("left", "right")},
    **{
        f"{side} hand": tuple(joint for joint in JOINTS if joint.startswith(tuple(f"{side}_{name}" for name in _HAND)))
        for side in ("left", "right")
    },
}
FACE = "face"


def columns(joint: str) -> slice:
    """A joint's rotation in the body features."""
    return slice(3 * JOINTS.index(joint), 3 * JOINTS.index(joint) + 3)


def resting() -> np.ndarray:
    """Body features [179] of arms that hang; all else as in the T-pose."""
    features = np.zeros(BODY_FEATURES, np.float32)
    features[columns("left_shoulder")][2], features[columns("right_shoulder")][2] = -ARM_DOWN, ARM_DOWN
    return features


@dataclass(frozen=True)
class Motion:
    """A speaker's motion over the frames of a span.

    Attributes:
        speaker: as in the utterances.
        span: frames of the clip.
        face: features [T, 156], no number missing.
        body: features [T, 179], no number missing.
        face_known, body_known: bool of those shapes: measured in that frame, not held.
    """

    speaker: int
    span: Span
    face: np.ndarray
    body: np.ndarray
    face_known: np.ndarray
    body_known: np.ndarray

    @cached_property
    def layout(self) -> Layout:
        """What the face's numbers mean: facial actions, unless a shape was found, which FLAME alone has."""
        return FLAME_FACE if self.face_known[:, slice(*FLAME_FACE.groups["shape"])].any() else OPEN_FACE

    @property
    def actions(self) -> np.ndarray:
        """Facial actions then jaw, [T, 51] in 0..1 (jawSide -1..1); a resting face where the face is FLAME's."""
        actions = self.face[:, OPEN_FACE.index]
        lowest = np.where(np.array(OPEN_FACE.labels) == "jawSide", -1, 0).astype(np.float32)
        return actions.clip(lowest, 1) if self.layout is OPEN_FACE else np.zeros_like(actions)

    @cached_property
    def known(self) -> dict[str, np.ndarray]:
        """Whether each of PARTS and the face is known, bool [T]."""
        parts = {
            part: np.all([self.body_known[:, columns(joint)].all(axis=1) for joint in joints], axis=0)
            for part, joints in PARTS.items()
        }
        first, stop = self.layout.groups["expression"]
        return parts | {FACE: self.face_known[:, first:stop].any(axis=1)}

    @property
    def known_turn(self) -> np.ndarray:
        """Whether the head's rotation before the camera is known, bool [T]."""
        return np.all(self.face_known[:, slice(*OPEN_FACE.groups["global"])], axis=1)

    def held(self, frame: int) -> list[str]:
        """Names of the parts that are not known in a frame of the span."""
        return [part for part, known in self.known.items() if not known[frame]]

    def joint_rotations(self) -> np.ndarray:
        """Axis-angle of each joint relative to its parent, [T, 52, 3] radians."""
        return self.body[:, : SMPLX_BODY.groups["right_hand"][1]].reshape(len(self.body), -1, 3)


def motions_of(found: Found, utterance_id: int | None) -> list[Motion]:
    """The motions of who speaks in an utterance, or in the whole clip, as far as anything of them is known.

    Raises:
        UserError: the clip has no such utterance, or nothing is known of anybody.
    """
    motions = [motion_of(found, speaker, utterance_id) for speaker in found.speakers(utterance_id)]
    known = [motion for motion in motions if any(part.any() for part in motion.known.values())]
    if not known:
        raise UserError(f"there are no parameters of {found.describe(utterance_id)}: nobody who speaks there is seen")
    return known


def motion_of(found: Found, speaker: int, utterance_id: int | None) -> Motion:
    """A speaker's motion in an utterance, or in the whole clip."""
    span = found.span(utterance_id)
    face, face_known = held(_dense(found.cues["face"], speaker, utterance_id, span, FACE_FEATURES), np.zeros(1))
    body, body_known = held(_dense(found.cues["body"], speaker, utterance_id, span, BODY_FEATURES), resting())
    return Motion(speaker, span, face, upright(body), face_known, body_known)


def upright(body: np.ndarray) -> np.ndarray:
    """Body features [T, 179] in axes whose y is up: OSX's root, kept as predicted, is in a camera's, with y down."""
    trunk = Rotation.from_rotvec(body[:, columns("root")])
    if np.median(trunk.apply([0.0, 1.0, 0.0])[:, 1]) >= 0:  # nobody talks standing on their head
        return body
    out = body.copy()
    out[:, columns("root")] = (Rotation.from_rotvec([np.pi, 0, 0]) * trunk).as_rotvec()
    return out


def _dense(rows: pd.DataFrame, speaker: int, utterance_id: int | None, span: Span, features: int) -> np.ndarray:
    """Features of a speaker's rows, [T, F], NaN where there is no row."""
    chosen = (rows["speaker"] == speaker) & rows["frame"].between(span.first, span.stop - 1)
    if utterance_id is not None:
        chosen &= rows["utterance_id"] == utterance_id
    values = np.full((len(span), features), np.nan, np.float32)
    if chosen.any():
        values[rows.loc[chosen, "frame"] - span.first] = np.stack(rows.loc[chosen, "features"].tolist())
    return values


def held(values: np.ndarray, never: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers [T, F] with their last known value where they are NaN, and where they are known.

    Args:
        values: [T, F]; numbers before a column's first known one take that.
        never: [F] or [1], what a column that is never known takes.
    """
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    source = np.where(last < 0, known.argmax(axis=0), last)
    filled = np.take_along_axis(values, source, axis=0)
    return np.where(known.any(axis=0), filled, never).astype(np.float32), known
