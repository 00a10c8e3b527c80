"""Trunk, arms and hands as a kinematic tree before a pinhole camera: the engine's model of a body (`fitting`).

Axes as in `inverse_kinematics`; the camera looks along -z and the origin is the middle of the shoulders. A turn is one
of SMPL-X's joints, or a part of one: trunk and shoulders turn freely; an elbow bends, then its forearm twists; a wrist
deviates, then flexes; knuckles and thumbs spread, and all finger joints curl. A turn of the right side is the mirror
image of the left side's of the same angle.
"""

from typing import NamedTuple

import numpy as np
import roma
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from nonverbal.avatar.skeleton import JOINTS
from nonverbal.cues.inverse_kinematics import DOWN, FINGER_POINTS, FLAT, HAND_WRIST, HIPS, SHOULDER
from nonverbal.cues.inverse_kinematics import ELBOW as POSE_ELBOW
from nonverbal.cues.inverse_kinematics import WRIST as POSE_WRIST
from nonverbal.cues.pose import HAND_POINTS, SIDES

CAMERA = ("across", "up", "scale", "nearness")  # origin off the view's axis, m; log; 1 / distance to the origin, 1 / m
LENGTHS = ("upper", "fore", "hand")  # logarithms of the bones' lengths over the mean body's
FIRST = len(CAMERA) + len(LENGTHS)  # parameters before the turns
MIRROR = {"left": np.array([1.0, 1.0, 1.0]), "right": np.array([1.0, -1.0, -1.0])}  # of rotation vectors
HINGES = {
    "bend": np.array([0.0, -1.0, 0.0]), "twist": np.array([1.0, 0.0, 0.0]), "deviate": np.array([0.0, 1.0, 0.0]),
    "flex": np.array([0.0, 0.0, -1.0]), "spread": np.array([0.0, 1.0, 0.0]),
}  # fmt: skip


class Turn(NamedTuple):
    """Part of a joint: three parameters of a free rotation, or an angle about an axis of the turn above it."""

    joint: str
    name: str
    above: int  # number of the turn that carries it; -1: none
    axis: np.ndarray  # [3]; NaN: free


def _tree() -> list[list[Turn]]:
    """Turns by level: each is carried by one of the level above it."""

    def level(names: tuple[str, ...], kind: str, above: dict[str, int]) -> list[Turn]:
        return [Turn(name, kind, above[name], _axis(name, kind)) for name in names]

    def joints(name: str) -> tuple[str, ...]:
        return tuple(f"{side}_{name}" for side in SIDES)

    levels = [[Turn("root", "free", -1, np.full(3, np.nan))]]
    carriers = dict.fromkeys(joints("shoulder"), 0)
    levels.append(level(joints("shoulder"), "free", carriers))
    for joint, kind in (("elbow", "bend"), ("elbow", "twist"), ("wrist", "deviate"), ("wrist", "flex")):
        last = sum(map(len, levels[:-1]))
        levels.append(level(joints(joint), kind, {name: last + i for i, name in enumerate(joints(joint))}))
    fingers = [f"{side}_{finger}" for side in SIDES for finger in FLAT]
    last = sum(map(len, levels[:-1]))
    above = {f"{finger}1": last + SIDES.index(finger.split("_")[0]) for finger in fingers}
    for number, kind in ((1, "spread"), (1, "curl"), (2, "curl"), (3, "curl")):
        names = tuple(f"{finger}{number}" for finger in fingers)
        levels.append(level(names, kind, above))
        last = sum(map(len, levels[:-1]))
        above = {f"{finger}{k}": last + i for i, finger in enumerate(fingers) for k in (1, 2, 3)}
    return levels


def _axis(joint: str, kind: str) -> np.ndarray:
    if kind == "free":
        return np.full(3, np.nan)
    side, name = joint.split("_")
    axis = np.cross(FLAT[name[:-1]][int(name[-1]) - 1], DOWN) if kind == "curl" else HINGES[kind]
    return MIRROR[side] * axis / np.linalg.norm(axis)


LEVELS = _tree()
TURNS = [turn for level in LEVELS for turn in level]
FREE = [turn.joint for turn in TURNS if turn.name == "free"]
TREE = [*dict.fromkeys(turn.joint for turn in TURNS)]  # joints that the model turns
PARAMETERS = (
    *CAMERA, *LENGTHS,
    *(f"{turn.joint}.{name}" for turn in TURNS for name in ("xyz" if turn.name == "free" else (turn.name,))),
)  # fmt: skip
AT = {name: i for i, name in enumerate(PARAMETERS)}
# Landmarks: some of the pose's points and all of the hands', and the joint that each moves with.
POSE = (*SHOULDER, *POSE_ELBOW, *POSE_WRIST, *HIPS)
DEEP = (0, 1, 5, 9, 13, 17, 4, 8, 12, 16, 20)  # the points of a hand whose depth is looked at
_HAND = {HAND_WRIST: "wrist"} | {
    number: f"{finger}{min(i + 1, 3)}" for finger, numbers in FINGER_POINTS.items() for i, number in enumerate(numbers)
}
LANDMARKS = (
    *(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist") for side in SIDES), "root", "root",
    *(f"{side}_{_HAND[number]}" for side in SIDES for number in range(HAND_POINTS)),
)  # fmt: skip
GROUPS = ([*range(len(POSE))], *([len(POSE) + HAND_POINTS * side + n for n in DEEP] for side in range(len(SIDES))))
DEPTHS = [number for group in GROUPS for number in group]  # landmarks whose depth is looked at
NUMBERS_SEEN = 2 * len(LANDMARKS) + len(DEPTHS)


class Build(NamedTuple):
    """A mean body, and where the networks see their landmarks on it.

    Args:
        rest: joints of JOINTS in the T-pose, [52, 3] metres.
        offsets: of each landmark from its joint, in the joint's axes, [50, 3] metres.
        gain, bias: of the DEPTHS: found = gain * true + bias, [30] and [30] metres.
    """

    rest: np.ndarray
    offsets: np.ndarray
    gain: np.ndarray
    bias: np.ndarray


class KinematicBody:
    """The engine's model: parameters [T, 64] to what is seen, [T, 130, 1].

    Seen are the landmarks across and up from the middle of the picture, in pixels over those of a metre; then the depth
    of DEPTHS, metres as the networks say: the pose's from the middle of the shoulders, a hand's from its middle.
    """

    def __init__(self, build: Build, dtype: torch.dtype = torch.float32) -> None:
        def tensor(values: np.ndarray) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(values), dtype=dtype)

        self.dtype = dtype
        self.rotations = tuple(AT[f"{joint}.x"] for joint in FREE)
        places = {joint: build.rest[JOINTS.index(joint)] for joint in TREE}
        places["root"] = (places["left_shoulder"] + places["right_shoulder"]) / 2
        bones = [places[turn.joint] - places[TURNS[turn.above].joint if turn.above >= 0 else "root"] for turn in TURNS]
        self.bones = tensor(np.stack(bones))
        self.grows = [_length(turn) for turn in TURNS]
        self.axes = tensor(np.nan_to_num(np.stack([turn.axis for turn in TURNS[len(FREE) :]])))
        self.carriers = torch.tensor([_last(joint) for joint in LANDMARKS])
        self.offsets, self.gain, self.bias = tensor(build.offsets), tensor(build.gain), tensor(build.bias)
        self.owners = torch.tensor([*np.repeat(np.arange(len(FREE)), 3), *range(len(FREE), len(TURNS))])
        moves = np.zeros((len(LANDMARKS), len(TURNS)))
        for row, number in enumerate(self.carriers.tolist()):
            while number >= 0:
                moves[row, number] = 1
                number = TURNS[number].above
        self.moves = tensor(moves[:, self.owners])
        self.bone_ends = _bone_ends(self.carriers.tolist())
        self.centring = tensor(_centring())

    def landmarks(self, parameters: Tensor) -> Tensor:
        """Positions of the landmarks from the middle of the shoulders, metres, [T, 50, 3]."""
        return self._landmarks(*self.pose(parameters))

    def pose(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """World rotations [T, turns, 3, 3] and places [T, turns, 3] after each of TURNS."""
        free, hinges = parameters[:, FIRST : FIRST + 3 * len(FREE)], parameters[:, FIRST + 3 * len(FREE) :]
        vectors = torch.cat([free.unflatten(1, (-1, 3)), hinges[..., None] * self.axes], dim=1)
        local = roma.rotvec_to_rotmat(vectors)
        lengths = parameters[:, len(CAMERA) : FIRST].exp()
        grown = torch.stack([lengths[:, i] if i is not None else torch.ones_like(lengths[:, 0]) for i in self.grows], 1)
        bones = grown[..., None] * self.bones
        turned, places, start = [local[:, :1]], [torch.zeros_like(bones[:, :1])], 0
        for level in LEVELS[1:]:
            above, here = torch.tensor([turn.above - start for turn in level]), start + places[-1].shape[1]
            carrier, part = turned[-1][:, above], slice(here, here + len(level))
            places.append(places[-1][:, above] + (carrier @ bones[:, part, :, None])[..., 0])
            turned.append(carrier @ local[:, part])
            start = here
        return torch.cat(turned, dim=1), torch.cat(places, dim=1)

    def _landmarks(self, turned: Tensor, places: Tensor) -> Tensor:
        return places[:, self.carriers] + (turned[:, self.carriers] @ self.offsets[..., None])[..., 0]

    def points(self, parameters: Tensor) -> Tensor:
        """See `fitting.Model`."""
        at = self.landmarks(parameters)
        shift, scale, near = parameters[:, None, :2], parameters[:, None, 2:3], parameters[:, None, 3:4]
        flat = (shift + at[..., :2]) * scale.exp() / (1 - near * at[..., 2:])
        deep = self.gain * (at[:, DEPTHS, 2] @ self.centring.T) + self.bias
        return torch.cat([flat.flatten(1), deep], dim=1)[..., None]

    def jacobian(self, parameters: Tensor) -> Tensor:
        """See `fitting.Model`: a turn moves a landmark by its axis x the lever arm."""
        turned, places = self.pose(parameters)
        at = self._landmarks(turned, places)
        moved = torch.cat([self._grown(places), self._turned(turned, places, at)], dim=-1)
        shift, scale, near = (parameters[:, None, :2], parameters[:, 2:3], parameters[:, 3:4])
        shrink = 1 / (1 - near * at[..., 2])
        growth = scale.exp() * shrink
        out = parameters.new_zeros(len(at), NUMBERS_SEEN, len(PARAMETERS))
        for axis in range(2):
            beside = growth * (shift[..., axis] + at[..., axis])
            rows = out[:, axis : 2 * len(LANDMARKS) : 2]
            rows[..., axis] = growth
            rows[..., 2] = beside
            rows[..., 3] = beside * at[..., 2] * shrink
            rows[..., len(CAMERA) :] = growth[..., None] * moved[axis]
            rows[..., len(CAMERA) :] += (beside * near * shrink)[..., None] * moved[2]
        deep = self.gain[:, None] * self.centring
        out[:, 2 * len(LANDMARKS) :, len(CAMERA) :] = deep @ moved[2][:, DEPTHS]
        return out[:, :, None]

    def _turned(self, turned: Tensor, places: Tensor, at: Tensor) -> Tensor:
        """Change of the landmarks with each turn: its axis x the lever arm, [3, T, 50, 57]."""
        free = turned[:, : len(FREE)].mT.flatten(1, 2)
        axes = torch.cat([free, (turned[:, len(FREE) :] @ self.axes[..., None])[..., 0]], dim=1)
        still = torch.linalg.cross(axes, places[:, self.owners])
        a, b, c = axes[:, None].unbind(dim=-1)
        x, y, z = at[:, :, None].unbind(dim=-1)
        swept = torch.stack([b * z - c * y, c * x - a * z, a * y - b * x])
        return (swept - still.permute(2, 0, 1)[:, :, None]) * self.moves

    def _grown(self, places: Tensor) -> Tensor:
        """Change of the landmarks with each length: the bones that they hang on, [3, T, 50, LENGTHS]."""
        return (places[:, self.bone_ends[1]] - places[:, self.bone_ends[0]]).permute(3, 0, 1, 2)


def _last(joint: str) -> int:
    return max(number for number, turn in enumerate(TURNS) if turn.joint == joint)


def _length(turn: Turn) -> int | None:
    """Which of LENGTHS is the bone that leads to a turn."""
    joints = {"bend": "upper", "deviate": "fore"}
    finger = turn.name == "spread" or (turn.name == "curl" and not turn.joint.endswith("1"))
    name = "hand" if finger else joints.get(turn.name)
    return LENGTHS.index(name) if name else None


def _bone_ends(carriers: list[int]) -> Tensor:
    """The turns between which the bones of each length lie that a landmark hangs on, [2, 50, LENGTHS]."""
    ends = np.zeros((2, len(carriers), len(LENGTHS)), int)
    for row, number in enumerate(carriers):
        side = LANDMARKS[row].split("_")[0]
        chain = []
        while number >= 0:
            chain.append(number)
            number = TURNS[number].above
        for i, joints in enumerate((("shoulder", "elbow"), ("elbow", "wrist"))):
            first, second = (_last(f"{side}_{joint}") if side in SIDES else 0 for joint in joints)
            if second in chain:
                ends[:, row, i] = first, second
        if side in SIDES and _last(f"{side}_wrist") in chain:
            ends[:, row, 2] = _last(f"{side}_wrist"), chain[0]
    return torch.as_tensor(ends)


def _centring() -> np.ndarray:
    """From the depth of DEPTHS to that from the shoulders' or a hand's middle, [30, 30]."""
    out, first = np.eye(len(DEPTHS)), 0
    for group in GROUPS:
        among = len(SHOULDER) if first == 0 else len(group)
        out[first : first + len(group), first : first + among] -= 1 / among
        first += len(group)
    return out


def to_turns(rotations: dict[str, Rotation]) -> np.ndarray:
    """Parameters [N, 64 - FIRST] of joint rotations by joint of TREE; what a joint's turns cannot do is left out."""
    out = []
    for turn in TURNS:
        rotation, side = rotations[turn.joint], 1.0 if turn.joint.startswith("left") else -1.0
        rows = rotation.as_matrix().transpose(1, 2, 0)
        if turn.name == "free":
            out += list(rotation.as_rotvec().T)
        elif turn.name == "bend":  # an elbow is Ry(-bend) Rx(twist), on the left
            out.append(np.arctan2(side * rows[2, 0], rows[0, 0]))
        elif turn.name == "twist":
            out.append(np.arctan2(-rows[1, 2], rows[1, 1]))
        elif turn.name == "deviate":  # a wrist is Ry(deviate) Rz(-flex)
            out.append(side * np.arctan2(rows[0, 2], rows[2, 2]))
        elif turn.name == "flex":
            out.append(-side * np.arctan2(rows[1, 0], rows[1, 1]))
        else:
            out.append(rotation.as_rotvec() @ turn.axis)
    return np.stack(out, axis=1)


def to_rotations(parameters: np.ndarray) -> dict[str, np.ndarray]:
    """Rotation vectors [N, 3] of the joints of TREE for parameters [N, 64]."""
    out = {joint: Rotation.identity() for joint in TREE}
    for turn in TURNS:
        first = AT[f"{turn.joint}.{'x' if turn.name == 'free' else turn.name}"]
        vectors = parameters[:, first : first + 3] if turn.name == "free" else parameters[:, [first]] * turn.axis
        out[turn.joint] = out[turn.joint] * Rotation.from_rotvec(vectors)
    return {joint: rotation.as_rotvec() for joint, rotation in out.items()}
