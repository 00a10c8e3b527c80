"""What each number of a face and a body vector means, once: losses, metrics, plots and exports all read this.

Source: the published VENUS record (156 face and 179 body numbers a frame) and the paper's training slices.
All rotations are axis-angle in radians.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

FPS = 25
FACE_FEATURES = 156
BODY_FEATURES = 179

# The 48 ARKit facial actions that do not move the jaw, in the order they take in expression 0:48.
OPEN_FACE_ACTIONS = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "mouthClose", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
OPEN_JAW_ACTIONS = ("jawOpen", "jawSide", "jawForward")  # jawSide = jawRight - jawLeft

# SMPL-X joints 1..21; joint j fills body features 3j:3j+3 (0 is the root).
SMPLX_JOINTS = (
    "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3",
    "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
# The 15 joints of one hand, in SMPL-X order.
HAND_JOINTS = tuple(f"{finger}{i}" for finger in ("index", "middle", "pinky", "ring", "thumb") for i in (1, 2, 3))
# SMPL-X's kinematic tree, in the order of body features 0:156: root, SMPLX_JOINTS, left hand, right hand.
JOINTS = (
    "root",
    *SMPLX_JOINTS,
    *(f"left_{joint}" for joint in HAND_JOINTS),
    *(f"right_{joint}" for joint in HAND_JOINTS),
)
_BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


def _hand_parents(wrist: int, first: int) -> tuple[int, ...]:
    return tuple(wrist if i % 3 == 0 else first + i - 1 for i in range(len(HAND_JOINTS)))


PARENTS = (
    *_BODY_PARENTS,
    *_hand_parents(JOINTS.index("left_wrist"), JOINTS.index("left_index1")),
    *_hand_parents(JOINTS.index("right_wrist"), JOINTS.index("right_index1")),
)  # the number of each joint's parent, -1 of the root


@dataclass(frozen=True)
class Layout:
    """A feature vector: its length, its named groups, and the groups a tokenizer is trained on, in order.

    `groups` maps a name to (start, stop) in the features; `trained` names the groups that make the training vector.
    """

    name: str
    features: int
    groups: dict[str, tuple[int, int]]
    trained: tuple[str, ...]
    labels: tuple[str, ...] = ()  # one name a trained dimension, where they have names
    parts: tuple["Layout", ...] = ()  # face and body, where the vector is of both

    @cached_property
    def index(self) -> np.ndarray:
        """Positions of the training vector's numbers in the features, int64 [dim]."""
        return np.concatenate([np.arange(*self.groups[group]) for group in self.trained])

    @property
    def dim(self) -> int:
        """Length of the training vector."""
        return len(self.index)

    def training_slices(self) -> dict[str, slice]:
        """Group name -> its slice in the training vector."""
        slices, start = {}, 0
        for group in self.trained:
            size = self.groups[group][1] - self.groups[group][0]
            slices[group] = slice(start, start + size)
            start += size
        return slices

    def of_part(self, part: str) -> tuple["Layout", slice]:
        """A part's own layout, and where its numbers are in the training vector: all of it, but where it is of both."""
        if not self.parts:
            return self, slice(None)
        face, body = self.parts
        return (face, slice(0, face.dim)) if part == "face" else (body, slice(face.dim, None))


FLAME_FACE = Layout(
    name="flame",
    features=FACE_FEATURES,
    groups={"expression": (0, 50), "global": (50, 53), "jaw": (53, 56), "shape": (56, 156)},
    trained=("expression", "jaw"),
)  # 53 trained numbers

OPEN_FACE = Layout(
    name="open_face",
    features=FACE_FEATURES,
    # expression: facial actions in 0..1; 48:50 is unused and NaN; jaw: OPEN_JAW_ACTIONS; shape is unknown and NaN
    groups={"expression": (0, 48), "global": (50, 53), "jaw": (53, 56), "shape": (56, 156)},
    trained=("expression", "jaw"),
    labels=OPEN_FACE_ACTIONS + OPEN_JAW_ACTIONS,
)  # 51 trained numbers

SMPLX_BODY = Layout(
    name="smplx",
    features=BODY_FEATURES,
    groups={
        "root": (0, 3), "lower_body": (3, 39), "upper_body": (39, 66), "left_hand": (66, 111),
        "right_hand": (111, 156), "jaw": (156, 159), "shape": (159, 169), "expression": (169, 179),
    },
    trained=("upper_body", "left_hand", "right_hand"),
    labels=tuple(
        f"{joint}.{axis}"
        for joint in SMPLX_JOINTS[12:]
        + tuple(f"left_{j}" for j in HAND_JOINTS)
        + tuple(f"right_{j}" for j in HAND_JOINTS)
        for axis in "xyz"
    ),
)  # fmt: skip  # 117 trained numbers

FACE_LAYOUTS = {layout.name: layout for layout in (FLAME_FACE, OPEN_FACE)}
BODY_LAYOUTS = {layout.name: layout for layout in (SMPLX_BODY,)}
PARTS = ("face", "body")


def joined(face: Layout, body: Layout) -> Layout:
    """The trained groups of a face and of a body, one vector after the other."""
    groups = {group: face.groups[group] for group in face.trained}
    for group in body.trained:
        start, stop = body.groups[group]
        groups[group] = face.features + start, face.features + stop
    return Layout(
        name=f"{face.name}+{body.name}",
        features=face.features + body.features,
        groups=groups,
        trained=face.trained + body.trained,
        parts=(face, body),
    )


JOINT_LAYOUTS = {
    layout.name: layout
    for layout in (joined(face, body) for face in FACE_LAYOUTS.values() for body in BODY_LAYOUTS.values())
}
LAYOUTS = FACE_LAYOUTS | BODY_LAYOUTS | JOINT_LAYOUTS


def floor_frame(seconds: float) -> int:
    """The frame a moment falls in: floor(t * 25), with times rounded to the microsecond first.

    The rounding keeps 0.28 s, which is 6.999... frames in binary, in frame 7.
    """
    return int(np.floor(round(seconds * FPS, 6)))
