"""From points on a body to SMPL-X joint rotations, in closed form.

Axes: x to the person's left, y up, z forward; a rotation of zero everywhere is the T-pose, arms along x, palms down.
Each bone first swings to its direction; the plane of the next bend then fixes its twist. The twist of the forearm,
which only the palm shows, is put on the elbow, so that the wrist keeps what a wrist can do.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from nonverbal.cues.pose import SIDES, Points
from nonverbal.layouts import BODY_FEATURES, HAND_JOINTS, SMPLX_BODY, SMPLX_JOINTS

DOWN = np.array([0.0, -1.0, 0.0])
OUT = {"left": np.array([1.0, 0.0, 0.0]), "right": np.array([-1.0, 0.0, 0.0])}
# Numbers of mediapipe's points: pose left and right, then the hand's.
SHOULDER, ELBOW, WRIST, PINKY, INDEX = (11, 12), (13, 14), (15, 16), (17, 18), (19, 20)
HIPS = (23, 24)
HAND_WRIST, INDEX_KNUCKLE, MIDDLE_KNUCKLE, PINKY_KNUCKLE = 0, 5, 9, 17
FINGER_POINTS = {"thumb": (1, 2, 3, 4), "index": (5, 6, 7, 8), "middle": (9, 10, 11, 12), "ring": (13, 14, 15, 16),
                 "pinky": (17, 18, 19, 20)}  # fmt: skip
# Directions of a flat left hand's bones in the T-pose, those of the open body (nonverbal.avatar).
FLAT = {
    "thumb": np.array([[0.38, -0.67, 0.64], [0.70, -0.49, 0.52], [0.70, -0.49, 0.52]]),
    "index": np.array([[0.99, 0.00, 0.15], [0.99, 0.00, 0.15], [0.99, 0.00, 0.15]]),
    "middle": np.array([[0.99, 0.00, -0.14], [0.99, 0.00, -0.14], [0.99, 0.00, -0.14]]),
    "ring": np.array([[0.95, 0.00, -0.31], [0.95, 0.00, -0.31], [0.95, 0.00, -0.31]]),
    "pinky": np.array([[0.90, 0.00, -0.43], [0.90, 0.00, -0.43], [0.90, 0.00, -0.43]]),
}  # fmt: skip
SEEN = 0.5  # visibility of a point that can be relied on
BENT = 0.35  # sine of the elbow's bend above which its plane fixes the upper arm's twist
TWIST_RAD = (-2.9, 1.6)  # how far a forearm can turn from palm down: palm up, and past palm back
FINGER_RAD = (-0.3, 1.9)  # how far the finger joints after the knuckle bend
HOLD_FRAMES = 12  # a forearm's twist is carried this far over frames in which its hand is not seen
JUMP_RAD, JUMP_FRAMES = 1.5, 51  # a forearm's twist this far off its running median is a flipped hand


class Arm(NamedTuple):
    """World rotations [N, 3, 3] of one arm's bones, NaN where unknown."""

    upper: np.ndarray
    fore: np.ndarray
    hand: np.ndarray


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] of length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Axes [..., 3, 3] in columns: along `first`, along `second` made square to it, along their cross product."""
    x = unit(first)
    y = unit(second - (second * x).sum(axis=-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def swing(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Smallest rotations [..., 3, 3] that turn directions `source` to `target`; [..., 3] both."""
    source, target = np.broadcast_arrays(unit(source), unit(target))
    axis = np.cross(source, target)
    angle = np.arctan2(np.linalg.norm(axis, axis=-1), (source * target).sum(axis=-1))
    vectors = unit(axis) * angle[..., None]
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*source.shape, 3)


def body_features(points: Points, head: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Body features of each sighting, [N, 179]: NaN for all that the points do not determine.

    The trunk is one piece, turned by the root; spine, neck and collars are not told apart from it, and the head's
    rotation is relative to it. Lower body, jaw, shape and expression are never known.

    Args:
        points: world points.
        head: rotation of the head in the same axes, axis-angle [N, 3]; NaN where unknown.
        runs: number of each sighting's unbroken run of frames, [N].
    """
    features = np.full((len(points.pose), BODY_FEATURES), np.nan)
    trunk = trunk_rotations(points)
    _put(features, "root", trunk)
    _put(features, "head", np.swapaxes(trunk, 1, 2) @ matrices(head))
    for side, name in enumerate(SIDES):
        arm = arm_rotations(points, side, runs)
        _put(features, f"{name}_shoulder", np.swapaxes(trunk, 1, 2) @ arm.upper)
        _put(features, f"{name}_elbow", np.swapaxes(arm.upper, 1, 2) @ arm.fore)
        _put(features, f"{name}_wrist", np.swapaxes(arm.fore, 1, 2) @ arm.hand)
        first = SMPLX_BODY.groups[f"{name}_hand"][0]
        fingers = finger_rotations(points.hands[:, side], arm.hand, name)
        features[:, first : first + fingers.shape[1]] = fingers
    return features


def matrices(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices [N, 3, 3] of axis-angle vectors [N, 3]; NaN stays NaN."""
    known = np.isfinite(vectors).all(axis=1)
    out = np.full((len(vectors), 3, 3), np.nan)
    out[known] = Rotation.from_rotvec(vectors[known]).as_matrix()
    return out


def rotation_vectors(rotations: np.ndarray) -> np.ndarray:
    """Axis-angle vectors [N, 3] of matrices [N, 3, 3]; NaN stays NaN."""
    known = np.isfinite(rotations).all(axis=(1, 2))
    out = np.full((len(rotations), 3), np.nan)
    out[known] = Rotation.from_matrix(rotations[known]).as_rotvec()
    return out


def _put(features: np.ndarray, joint: str, rotations: np.ndarray) -> None:
    first = 0 if joint == "root" else 3 * (SMPLX_JOINTS.index(joint) + 1)
    features[:, first : first + 3] = rotation_vectors(rotations)


def trunk_rotations(points: Points) -> np.ndarray:
    """World rotation of the trunk [N, 3, 3], from the line of the shoulders and the way up from the hips."""
    pose = points.pose.astype(np.float64)
    left, right = pose[:, SHOULDER[0]], pose[:, SHOULDER[1]]
    up = left + right - pose[:, HIPS[0]] - pose[:, HIPS[1]]
    trunk = frame(left - right, up)
    trunk[points.visibility[:, SHOULDER].min(axis=1) < SEEN] = np.nan
    return trunk


def sharpened(points: Points) -> np.ndarray:
    """Pose points [N, 33, 3] in metres, across as in the picture, in depth as in the world points.

    The world points lean to the network's mean pose: on rendered people the forearms were 24 degrees off, and 11 so.
    """
    flat, world = points.flat.astype(np.float64), points.pose.astype(np.float64)
    held = [*SHOULDER, *HIPS]
    flat_middle, middle = flat[:, held].mean(axis=1, keepdims=True), world[:, held].mean(axis=1, keepdims=True)
    flat, across = flat - flat_middle, (world - middle)[..., :2]
    metres = (flat[:, held] * across[:, held]).sum(axis=(1, 2)) / (flat[:, held] ** 2).sum(axis=(1, 2))
    return np.concatenate([metres[:, None, None] * flat, world[..., 2:]], axis=-1)


def arm_rotations(points: Points, side: int, runs: np.ndarray) -> Arm:
    """World rotations of upper arm, forearm and hand."""
    name, pose = SIDES[side], sharpened(points)
    upper, fore = pose[:, ELBOW[side]] - pose[:, SHOULDER[side]], pose[:, WRIST[side]] - pose[:, ELBOW[side]]
    hidden = points.visibility[:, [SHOULDER[side], ELBOW[side], WRIST[side]]].min(axis=1) < SEEN
    upper[hidden], fore[hidden] = np.nan, np.nan
    rest = frame(OUT[name], DOWN).T
    upper_rotations = frame(upper, _bend(upper, fore, name)) @ rest
    straight = swing(upper, fore) @ upper_rotations  # the forearm bent, not twisted
    hand = points.hands[:, side].astype(np.float64)
    along, across = hand[:, MIDDLE_KNUCKLE] - hand[:, HAND_WRIST], hand[:, INDEX_KNUCKLE] - hand[:, PINKY_KNUCKLE]
    hand_rotations = frame(along, OUT[name][0] * np.cross(along, across)) @ rest
    seen, twist = forearm_twist(np.swapaxes(straight, 1, 2) @ hand_rotations, runs)
    hand_rotations[np.isnan(seen)] = np.nan
    return Arm(upper_rotations, straight @ matrices(twist[:, None] * OUT["left"]), hand_rotations)


def _bend(upper: np.ndarray, fore: np.ndarray, side: str) -> np.ndarray:
    """Where the T-pose's down points on an upper arm, [N, 3]: by the elbow's bend; of a straight arm, as if swung."""
    bend = OUT[side][0] * np.cross(unit(upper), unit(fore))
    share = np.clip(np.linalg.norm(bend, axis=1, keepdims=True) / BENT, 0, 1)
    return share * unit(bend) + (1 - share) * (swing(OUT[side], upper) @ DOWN)


def forearm_twist(bent: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn of the forearm about its length (x), seen and complete, [N] radians each.

    A hand's rotation is split into a turn about the forearm and the rest, which the wrist does. Seen is NaN without a
    hand and where it jumps, as it does when the network takes a palm for a back; complete is carried from the nearest
    seen frame of the same run, at most HOLD_FRAMES away.

    Args:
        bent: rotation of the hand relative to the forearm before it turns, [N, 3, 3].
        runs: number of each frame's run, [N].
    """
    turn, known = np.full(len(bent), np.nan), np.isfinite(bent).all(axis=(1, 2))
    x, _, _, w = Rotation.from_matrix(bent[known]).as_quat().reshape(-1, 4).T
    middle = sum(TWIST_RAD) / 2
    turn[known] = middle + (2 * np.arctan2(x, w) - middle + np.pi) % (2 * np.pi) - np.pi  # cut where no forearm can be
    np.clip(turn, *TWIST_RAD, out=turn)
    complete = np.full_like(turn, np.nan)
    for run in np.unique(runs):
        inside = np.flatnonzero(runs == run)
        steady = pd.Series(turn[inside]).rolling(JUMP_FRAMES, center=True, min_periods=1).median().to_numpy()
        turn[inside[np.abs(turn[inside] - steady) > JUMP_RAD]] = np.nan
        seen, places = np.flatnonzero(np.isfinite(turn[inside])), np.arange(len(inside))
        if len(seen):
            nearest = seen[np.rint(np.interp(places, seen, np.arange(len(seen)))).astype(int)]
            near = np.abs(nearest - places) <= HOLD_FRAMES
            complete[inside[near]] = turn[inside[nearest[near]]]
    return turn, complete


def finger_rotations(hand: np.ndarray, palm: np.ndarray, side: str) -> np.ndarray:
    """Axis-angle of a hand's 15 joints, [N, 45], in the order of HAND_JOINTS.

    Knuckles and thumb swing freely; the other joints bend in one plane.

    Args:
        hand: points [N, 21, 3].
        palm: world rotation of the hand, [N, 3, 3].
        side: left or right.
    """
    out, hand = np.full((len(hand), len(HAND_JOINTS), 3), np.nan), hand.astype(np.float64)
    for finger, numbers in FINGER_POINTS.items():
        parent = palm
        for bone in range(3):
            rest = FLAT[finger][bone] * (OUT[side][0], 1, 1)
            seen = (np.swapaxes(parent, 1, 2) @ (hand[:, numbers[bone + 1]] - hand[:, numbers[bone]])[..., None])[
                ..., 0
            ]
            free = finger == "thumb" or bone == 0
            local = swing(rest, seen) if free else matrices(_hinge(rest, seen))
            out[:, HAND_JOINTS.index(f"{finger}{bone + 1}")] = rotation_vectors(local)
            parent = parent @ local
    return out.reshape(len(hand), -1)


def _hinge(rest: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rotation vectors [N, 3] of a finger joint that bends a bone from direction `rest` [3] toward the palm."""
    angle = np.clip(np.arctan2(seen @ DOWN, seen @ unit(rest)), *FINGER_RAD)
    return angle[:, None] * unit(np.cross(rest, DOWN))
