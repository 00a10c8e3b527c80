"""The body that explains a track's landmarks: inverse kinematics as the start, then the fitting engine."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.skeleton import JOINTS
from nonverbal.cues.fitting import Fitted, Landmarks, Prior, fit
from nonverbal.cues.inverse_kinematics import (
    ELBOW,
    HIPS,
    HOLD_FRAMES,
    SHOULDER,
    TWIST_RAD,
    WRIST,
    body_features,
    matrices,
    rotation_vectors,
)
from nonverbal.cues.kinematic_body import (
    AT,
    CAMERA,
    DEEP,
    DEPTHS,
    FIRST,
    LENGTHS,
    PARAMETERS,
    POSE,
    TREE,
    Build,
    KinematicBody,
    to_rotations,
    to_turns,
)
from nonverbal.cues.pose import HAND_POINTS, SIDES, Points
from nonverbal.cues.settings import MediapipeIkSettings
from nonverbal.layouts import BODY_FEATURES, HAND_JOINTS

# Limits of the turns, radians, and of the camera's nearness, 1 / m.
LIMITS = {
    "bend": (0.0, 2.6), "twist": TWIST_RAD, "deviate": (-0.5, 0.5), "flex": (-1.2, 1.2), "curl": (-0.3, 1.9),
    "spread": (-0.35, 0.35), "nearness": (0.05, 0.8),
}  # fmt: skip
# Standard deviation of the change from frame to frame: of the camera in its units, of lengths, of turns in radians.
CHANGE = {"across": 0.01, "up": 0.01, "scale": 0.003, "nearness": 0.001} | dict.fromkeys(LENGTHS, 0.0005)
TURN_CHANGE = {"root": 0.03, "shoulder": 0.06}
HAND_CHANGE = 0.1
PIXEL = 1.0  # standard deviation of a landmark's place, at least, pixels
SURE_HIPS = 0.95  # visibility below which hips, which a table hides, do not count


class Sight(NamedTuple):
    """What is known of bodies and of how the networks see them, measured on strangers.

    Args:
        rest: joints of the mean body in the T-pose, [52, 3] metres.
        offsets: of the landmarks from their joints, [50, 3] metres.
        gain, bias: of the depths found, [30] and [30] metres.
        flat_m: standard deviation of a landmark's place across and up, [50] metres.
        depth_m: of the depths found, [30] metres.
        mean, covariance: of the parameters, [64] and [64, 64].
    """

    rest: np.ndarray
    offsets: np.ndarray
    gain: np.ndarray
    bias: np.ndarray
    flat_m: np.ndarray
    depth_m: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


class Known(NamedTuple):
    """What of each sighting can be told: trunk [N]; arms and hands [N, 2], left and right."""

    trunk: np.ndarray
    arms: np.ndarray
    hands: np.ndarray


class BodyFit:
    """Points of sightings to body features.

    Args:
        sight: see there.
        settings: thresholds, and the engine's.
    """

    def __init__(self, sight: Sight, settings: MediapipeIkSettings) -> None:
        self.sight, self.settings = sight, settings
        self.model = KinematicBody(Build(sight.rest, sight.offsets, sight.gain, sight.bias))
        bounds = [LIMITS.get(name.split(".")[-1], (-np.inf, np.inf)) for name in PARAMETERS]
        calm = np.array([1 / _change(name) ** 2 for name in PARAMETERS])
        tables = (sight.mean, np.linalg.inv(sight.covariance), calm, *np.array(bounds).T)
        self.prior = Prior(*(torch.as_tensor(table, dtype=self.model.dtype) for table in tables))

    def __call__(self, points: Points, head: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Body features [N, 179], NaN where unknown, and confidence [N] in 0..1.

        Args:
            points: of N sightings.
            head: rotation of the head in camera axes, axis-angle [N, 3]; NaN where unknown.
            runs: number of each sighting's unbroken run of frames, [N].
        """
        start = body_features(points, head, runs)
        known = tell(points, start, self.settings)
        features, confidence = np.full((len(start), BODY_FEATURES), np.nan), np.zeros(len(start))
        rows = np.flatnonzero(known.trunk)
        if len(rows):
            fitted = self.fit(points, start, known, runs, rows)
            turned = to_rotations(fitted.parameters.double().numpy())
            joints = known_joints(known, runs)
            for joint in TREE:
                sure = joints[joint][rows]
                features[rows[sure], _columns(joint)] = turned[joint][sure]
            trunk = np.swapaxes(matrices(features[:, _columns("root")]), 1, 2)
            features[:, _columns("head")] = rotation_vectors(trunk @ matrices(head))
            confidence[rows] = self.certainty(fitted) * visibility(points)[rows]
        return features, confidence

    def fit(self, points: Points, start: np.ndarray, known: Known, runs: np.ndarray, rows: np.ndarray) -> Fitted:
        """Parameters of some rows, from `start` [N, 179]."""
        metre = pixels_a_metre(points, runs)
        seen, precision = (table[rows] for table in self.seen(points, known, metre))
        first = self.first(points, start, metre)[rows]
        numbers = (torch.as_tensor(table, dtype=self.model.dtype) for table in (seen, precision, first))
        found, sure, guess = numbers
        with torch.no_grad():
            marks = Landmarks(found[..., None], sure)
            unbroken = torch.as_tensor(runs[rows])
            return fit(self.model, marks, self.prior, guess, unbroken, self.settings.steps, self.settings.outlier)

    def first(self, points: Points, start: np.ndarray, metre: np.ndarray) -> np.ndarray:
        """Parameters [N, 64] to start from: those of the inverse kinematics, the mean where it knows nothing."""
        rotations, mean = {}, to_rotations(self.sight.mean[None])
        for joint in TREE:
            vectors = start[:, _columns(joint)]
            rotations[joint] = Rotation.from_rotvec(np.where(np.isfinite(vectors), vectors, mean[joint]))
        first = np.concatenate([np.tile(self.sight.mean[:FIRST], (len(start), 1)), to_turns(rotations)], axis=1)
        first[:, :2] = points.flat[:, SHOULDER].mean(axis=1) / metre[:, None]
        return first

    def seen(self, points: Points, known: Known, metre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers that the model explains and their precision, [N, 130] both."""
        flat, depth = places(points), depths(points)
        sure = np.isfinite(flat[..., 0])
        sure[:, : len(POSE)] &= points.visibility[:, POSE] >= np.repeat((self.settings.arm_seen, SURE_HIPS), (6, 2))
        for side in range(len(SIDES)):
            sure[:, _hand(side)] &= known.hands[:, [side]]
        scaled = (flat / metre[:, None, None]).reshape(len(flat), -1)
        spread = (self.settings.doubt * self.sight.flat_m) ** 2 + (PIXEL / metre[:, None]) ** 2
        precision = np.repeat(sure / spread, 2, axis=1)
        deep = sure[:, DEPTHS] / (self.settings.doubt * self.sight.depth_m) ** 2
        return np.concatenate([scaled, depth], axis=1), np.concatenate([precision, deep], axis=1)

    def certainty(self, fitted: Fitted) -> np.ndarray:
        """Share of the prior variance of the arms' turns that the landmarks took away, mean, [N] in 0..1."""
        names = ("shoulder.x", "shoulder.y", "shoulder.z", "elbow.bend", "elbow.twist")
        turns = [AT[f"{side}_{name}"] for side in SIDES for name in names]
        left = 1 / fitted.certainty.numpy()[:, turns] / np.diag(self.sight.covariance)[turns]
        return np.clip(1 - left, 0, 1).mean(axis=1)


def places(points: Points) -> np.ndarray:
    """LANDMARKS across and up from the picture's middle, pixels, [N, 50, 2]."""
    hands = points.hands_flat.reshape(len(points.flat), -1, 2)
    return np.concatenate([points.flat[:, POSE], hands], axis=1).astype(np.float64)


def depths(points: Points) -> np.ndarray:
    """Depth of DEPTHS: the pose's from the middle of the shoulders, a hand's from its middle, metres, [N, 30]."""
    pose, hands = points.pose[..., 2].astype(np.float64), points.hands[:, :, DEEP, 2].astype(np.float64)
    pose = pose[:, POSE] - pose[:, SHOULDER].mean(axis=1, keepdims=True)
    return np.concatenate([pose, *(hands - hands.mean(axis=2, keepdims=True)).swapaxes(0, 1)], axis=1)


def pixels_a_metre(points: Points, runs: np.ndarray) -> np.ndarray:
    """Pixels of a metre of the networks' world at each sighting, median of its run, [N]; the model scales it."""
    held = [*SHOULDER, *HIPS]
    flat, world = points.flat[:, held].astype(np.float64), points.pose[:, held, :2].astype(np.float64)
    flat, world = flat - flat.mean(axis=1, keepdims=True), world - world.mean(axis=1, keepdims=True)
    scale = (flat**2).sum(axis=(1, 2)) / np.maximum((flat * world).sum(axis=(1, 2)), 1e-6)
    return pd.Series(scale).groupby(runs).transform("median").to_numpy()


def tell(points: Points, start: np.ndarray, settings: MediapipeIkSettings) -> Known:
    """What is seen well enough; a hand only where the pose's wrist agrees and inverse kinematics did not reject it."""
    trunk = (points.visibility[:, SHOULDER] >= settings.arm_seen).all(axis=1) & np.isfinite(start[:, :3]).all(axis=1)
    wide = np.linalg.norm(points.flat[:, SHOULDER[0]] - points.flat[:, SHOULDER[1]], axis=1)[:, None]
    ends = np.array([ELBOW, WRIST])
    arms = (points.visibility[:, ends] >= settings.arm_seen).all(axis=1) & trunk[:, None]
    arms &= (points.inside(points.flat[:, ends]) >= settings.margin * wide[..., None]).all(axis=1)
    apart = np.linalg.norm(points.hands_flat[:, :, 0] - points.flat[:, WRIST], axis=2)
    hands = (points.hand_score >= settings.hand_score) & (apart <= settings.wrist_apart * wide) & trunk[:, None]
    hands &= (points.inside(points.hands_flat) >= 0).mean(axis=2) >= settings.hand_inside
    turned = np.stack([np.isfinite(start[:, _columns(f"{side}_wrist")]).all(axis=1) for side in SIDES], axis=1)
    return Known(trunk, arms, hands & turned)


def known_joints(known: Known, runs: np.ndarray) -> dict[str, np.ndarray]:
    """Joint of TREE -> whether it is known, [N]; an elbow, whose twist a hand shows, near a frame with one."""
    out = {"root": known.trunk}
    for side, name in enumerate(SIDES):
        hand = known.hands[:, side]
        out[f"{name}_shoulder"] = known.arms[:, side]
        out[f"{name}_elbow"] = known.arms[:, side] & near(hand, runs)
        out[f"{name}_wrist"] = known.arms[:, side] & hand
        out |= dict.fromkeys((f"{name}_{joint}" for joint in HAND_JOINTS), hand)
    return out


def near(seen: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Whether something was seen at most HOLD_FRAMES before or after in the same run, [N]."""
    window = 2 * HOLD_FRAMES + 1
    held = pd.Series(seen.astype(float)).groupby(runs).rolling(window, center=True, min_periods=1).max()
    return held.droplevel(0).sort_index().to_numpy() > 0


def visibility(points: Points) -> np.ndarray:
    """Mean visibility of shoulders, elbows and wrists, [N] in 0..1."""
    return points.visibility[:, [*SHOULDER, *ELBOW, *WRIST]].mean(axis=1)


def _change(name: str) -> float:
    if name in CAMERA or name in LENGTHS:
        return CHANGE[name]
    joint = name.split(".")[0].split("_")[-1]
    return TURN_CHANGE.get(joint, HAND_CHANGE)


def _columns(joint: str) -> slice:
    return slice(3 * JOINTS.index(joint), 3 * JOINTS.index(joint) + 3)


def _hand(side: int) -> slice:
    return slice(len(POSE) + HAND_POINTS * side, len(POSE) + HAND_POINTS * (side + 1))
