"""Measure how bodies are seen and how a fit to them answers, on rendered strangers of whom everything is known.

`python -m nonverbal.cues.body_instrument` writes resources/body_instrument.npz. Films of random people who move at
random (`strangers`) go through the stage's own face and pose networks. Where the networks see each landmark, how
exactly, and how much of its depth they find is measured against the true joints (`Sight`); then each true rotation is
regressed on what the fit finds.
"""

import argparse
import importlib.metadata
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from nonverbal.avatar.skeleton import JOINTS, PARENTS
from nonverbal.cues.body_fit import BodyFit, Sight, depths, pixels_a_metre, places
from nonverbal.cues.body_response import BODY, INSTRUMENT, Instrument, deviations, joint_rotations
from nonverbal.cues.face import OpenFace
from nonverbal.cues.frames import runs
from nonverbal.cues.kinematic_body import (
    AT,
    DEPTHS,
    FIRST,
    FREE,
    GROUPS,
    LANDMARKS,
    LENGTHS,
    PARAMETERS,
    POSE,
    TREE,
    to_turns,
)
from nonverbal.cues.open_face import INSTRUMENT as FACE_INSTRUMENT
from nonverbal.cues.pose import HAND_POINTS, SIDES, Points, PoseFinder
from nonverbal.cues.settings import MediapipeIkSettings, OpenFaceSettings
from nonverbal.cues.strangers import Film, film, random_poses
from nonverbal.layouts import FLAME_FACE
from nonverbal.progress import track

SEED, PEOPLE, SHOTS, FRAMES = 20250729, 60, 4, 25
FACE_SETTINGS = OpenFaceSettings(
    margin=1.5, ridge=50, symmetry=300, sparsity=10, rest=0.25, least_confidence=0
)  # only the head's turn is used
SETTINGS = MediapipeIkSettings(
    arm_seen=0.9, margin=0.1, hand_score=0.8, hand_inside=0.8, wrist_apart=0.15, doubt=2, steps=8, outlier=3
)
SEEN = 0.7  # visibility of the landmarks that are measured
POSES = 20_000  # that the prior is taken from
WIDER = 1.5  # the prior's standard deviations over the strangers', whose poses are not all that people do
FINGER_RAD, LENGTH, SCALE = 0.1, 0.05, 0.12  # standard deviations that strangers lack or that stand for all people's
NEAR_M = 0.01  # errors of a landmark's place below count by their square
LANDMARK_RIDGE = 0.01  # frames' worth of evidence that a landmark is at its joint
RIDGE = 3.0  # frames' worth, times a squared radian, of evidence that nothing moves
STEPS, NEAR_RAD = 8, 0.05  # of the regressions; errors below count by their square


class Seen(NamedTuple):
    """Strangers as they were seen and as they are: points, the head's rotation, runs [N], and the films' truth."""

    points: Points
    head: np.ndarray
    runs: np.ndarray
    film: Film
    rest: np.ndarray  # the mean of their joints in the T-pose, [52, 3]


def look_at(people: range, seed: int) -> Seen:
    """Film strangers and run the stage's networks on them."""
    face, finder, parts = OpenFace(FACE_SETTINGS, FACE_INSTRUMENT), PoseFinder(), []
    with tempfile.TemporaryDirectory() as folder:
        for number in track(people, "strangers"):
            video = Path(folder) / f"{number}.mp4"
            filmed = film(video, np.random.default_rng([seed, number]), SHOTS, FRAMES)
            head = face(video, filmed.seen)[0][:, slice(*FLAME_FACE.groups["global"])]
            unbroken = runs(filmed.seen["track_id"].to_numpy(), filmed.seen["frame"].to_numpy())
            parts.append(Seen(finder(video, filmed.seen), head, unbroken, filmed, filmed.rest))
            video.unlink()
    return joined(parts)


def joined(parts: list[Seen]) -> Seen:
    """Of several films one."""
    points = Points(*map(np.concatenate, zip(*(part.points for part in parts), strict=True)))
    starts = np.cumsum([0, *(part.runs.max() + 1 for part in parts[:-1])])
    unbroken = np.concatenate([part.runs + start for part, start in zip(parts, starts, strict=True)])
    names = ("body", "joints", "focal", "in_view")
    truth = {name: np.concatenate([getattr(part.film, name) for part in parts]) for name in names}
    whole = parts[0].film._replace(**truth)
    head, rest = np.concatenate([part.head for part in parts]), np.mean([part.rest for part in parts], axis=0)
    return Seen(points, head, unbroken, whole, rest)


def sight_of(seen: Seen) -> Sight:
    """How the networks see bodies, left and right alike."""
    turned, joints = world_rotations(seen.film.body), seen.film.joints
    middle = joints[:, [JOINTS.index(f"{side}_shoulder") for side in SIDES]].mean(axis=1)
    usable, flat, twins = measured(seen), places(seen.points), twin_landmarks()
    offsets, spread, deep = np.zeros((len(twins), 3)), np.zeros(len(twins)), np.zeros((len(flat), len(twins)))
    for i, joint in enumerate(LANDMARKS):
        at, rows = middle if joint == "root" else joints[:, JOINTS.index(joint)], usable[:, i]
        offsets[i], spread[i] = offset(at[rows], turned[joint][rows], seen.film.focal[rows], flat[rows, i])
        deep[:, i] = (at + turned[joint].apply(offsets[i]))[:, 2]
    lines = depth_lines(centred(deep[:, DEPTHS], middle[:, 2]), depths(seen.points), usable[:, DEPTHS])
    lines = (lines + lines[[DEPTHS.index(twins[number]) for number in DEPTHS]]) / 2
    mean, covariance = prior(seen)
    return Sight(
        rest=seen.rest, offsets=(offsets + offsets[twins] * (-1, 1, 1)) / 2, flat_m=(spread + spread[twins]) / 2,
        gain=lines[:, 0], bias=lines[:, 1], depth_m=lines[:, 2], mean=mean, covariance=covariance,
    )  # fmt: skip


def twin_landmarks() -> np.ndarray:
    """Number of each landmark's mirror image, [50]; the pose's come left, right, left, right."""
    pose = [number ^ 1 for number in range(len(POSE))]
    hands = [len(POSE) + HAND_POINTS * (1 - side) + i for side in range(len(SIDES)) for i in range(HAND_POINTS)]
    return np.array([*pose, *hands])


def depth_lines(true: np.ndarray, found: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Gain, bias and spread [D, 3] of the depths found [N, D] over the true ones, where usable."""
    lines = np.zeros((true.shape[1], 3))
    for i, rows in enumerate(usable.T):
        line = np.polyfit(true[rows, i], found[rows, i], 1)
        lines[i] = *line, (found[rows, i] - np.polyval(line, true[rows, i])).std()
    return lines


def measured(seen: Seen) -> np.ndarray:
    """Whether a landmark was found and can be seen, [N, 50]."""
    points, view = seen.points, seen.film.in_view
    joints = [*LANDMARKS[: len(POSE) - 2], "left_hip", "right_hip"]
    pose = (points.visibility[:, POSE] > SEEN) & view[:, [JOINTS.index(joint) for joint in joints]]
    hands = [
        (points.hand_score[:, side] > SETTINGS.hand_score) & view[:, JOINTS.index(f"{name}_middle1")]
        for side, name in enumerate(SIDES)
    ]
    return np.concatenate([pose, *(np.repeat(hand[:, None], HAND_POINTS, axis=1) for hand in hands)], axis=1)


def world_rotations(body: np.ndarray) -> dict[str, Rotation]:
    """World rotation of each joint of TREE, for bodies [N, 179] whose root is the whole trunk."""
    local = {joint: Rotation.from_rotvec(body[:, 3 * i : 3 * i + 3]) for i, joint in enumerate(JOINTS)}
    world = {"root": local["root"]}
    for joint in TREE[1:]:
        above = JOINTS[PARENTS[JOINTS.index(joint)]]
        world[joint] = (world["root"] * local[above] if "collar" in above else world[above]) * local[joint]
    return world


def offset(at: np.ndarray, turned: Rotation, focal: np.ndarray, flat: np.ndarray) -> tuple[np.ndarray, float]:
    """Where a landmark is seen in the axes of its joint, [3] metres, and the spread about it.

    Args:
        at: the joint, [n, 3] metres in the camera's axes.
        turned: its rotations.
        focal: of the cameras, [n] pixels.
        flat: the landmark in the picture, [n, 2] pixels from its middle.
    """
    ray = at[:, :2] / -at[:, 2:]
    axes = turned.as_matrix()
    causes = (axes[:, :2] + ray[..., None] * axes[:, 2:]).reshape(-1, 3)  # metres across at the joint's distance
    effects = ((flat / focal[:, None] - ray) * -at[:, 2:]).ravel()
    weights = np.ones(len(effects))
    for _ in range(STEPS):
        weighted = causes * weights[:, None]
        solution = np.linalg.solve(weighted.T @ causes + LANDMARK_RIDGE * np.eye(3), weighted.T @ effects)
        left = effects - causes @ solution
        weights = 1 / (1 + (left / NEAR_M) ** 2)
    return solution, 1.48 * float(np.median(np.abs(left)))  # of a normal distribution


def centred(depth: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Depth of DEPTHS [N, 30] from the middle of the shoulders [N] and of the hands."""
    out, first = depth - middle[:, None], len(GROUPS[0])
    for group in GROUPS[1:]:
        part = slice(first, first + len(group))
        out[:, part] -= out[:, part].mean(axis=1, keepdims=True)
        first += len(group)
    return out


def prior(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Mean [64] and covariance [64, 64] of the parameters: poses as drawn for strangers, trunk and camera as filmed."""
    poses = random_poses(np.random.default_rng(SEED), POSES) | {"root": Rotation.identity(POSES)}
    values = np.concatenate([np.zeros((POSES, FIRST)), to_turns(poses)], axis=1)
    mean, apart = values.mean(axis=0), values - values.mean(axis=0)
    for joint in FREE:
        block, middle = slice(AT[f"{joint}.x"], AT[f"{joint}.x"] + 3), poses[joint].mean()
        mean[block], apart[:, block] = middle.as_rotvec(), (middle.inv() * poses[joint]).as_rotvec()
    covariance = WIDER**2 * np.cov(apart.T)
    trunk = slice(AT["root.x"], AT["root.x"] + 3)
    covariance[trunk, trunk] = WIDER**2 * np.diag((seen.film.body[:, :3] ** 2).mean(axis=0))
    fingers = [i for i, name in enumerate(PARAMETERS) if name.endswith((".spread", ".curl"))]
    covariance[fingers, fingers] += FINGER_RAD**2
    twins, sign = twin_parameters()
    mean = (mean + sign * mean[twins]) / 2
    covariance = (covariance + np.outer(sign, sign) * covariance[np.ix_(twins, twins)]) / 2
    distance = -seen.film.joints[:, [JOINTS.index(f"{side}_shoulder") for side in SIDES], 2].mean(axis=1)
    scale = np.log(seen.film.focal / distance / pixels_a_metre(seen.points, seen.runs))
    told = {
        "across": (0, 3),
        "up": (0, 3),
        "scale": (np.nanmean(scale), SCALE),
        "nearness": ((1 / distance).mean(), (1 / distance).std()),
    }
    for name, (middle, spread) in (told | dict.fromkeys(LENGTHS, (0, LENGTH))).items():
        mean[AT[name]], covariance[AT[name], AT[name]] = middle, spread**2
    return mean, covariance


def twin_parameters() -> tuple[np.ndarray, np.ndarray]:
    """Number and sign of each parameter's mirror image, [64] both; of the camera, the trunk and lengths, itself."""
    swapped = {"left": "right", "right": "left"}
    twins, signs = [], []
    for name in PARAMETERS:
        side, _, rest = name.partition("_")
        twins.append(AT[f"{swapped[side]}_{rest}"] if side in swapped else AT[name])
        signs.append(-1.0 if side in swapped and name[-2:] in (".y", ".z") else 1.0)
    return np.array(twins), np.array(signs)


def mirrored(rotations: np.ndarray) -> np.ndarray:
    """Rotation vectors [N, J, 3] as a mirror shows them: sides exchanged."""
    swapped = {"left": "right", "right": "left"}
    names = [joint.split("_", 1) for joint in BODY]
    twin = [BODY.index("_".join([swapped.get(side, side), *rest])) for side, *rest in names]
    return rotations[:, twin] * (1, -1, -1)


def identify(sight: Sight, found: np.ndarray, true: np.ndarray, made: dict[str, object]) -> Instrument:
    """Ridge regression of the true deviations on the found ones, [N, J, 3] both, each person also as in a mirror."""
    found, true = (np.concatenate([rotations, mirrored(rotations)]) for rotations in (found, true))
    known = np.isfinite(found).all(axis=2)
    rows = [np.flatnonzero(column) for column in known.T]
    means = [
        np.stack([Rotation.from_rotvec(rotations[row, i]).mean().as_rotvec() for i, row in enumerate(rows)])
        for rotations in (found, true)
    ]
    causes = np.nan_to_num(deviations(found, means[0])).reshape(len(found), -1)
    effects, gain = deviations(true, means[1]), np.zeros((causes.shape[1], causes.shape[1]))
    for i, joint in enumerate(BODY):
        looks = np.repeat([helps(joint, other) for other in BODY], 3)
        gain[looks, 3 * i : 3 * i + 3] = robust_ridge(causes[np.ix_(rows[i], looks)], effects[rows[i], i])
    return Instrument(sight, means[0], means[1], gain, made)


def helps(joint: str, other: str) -> bool:
    """Whether what was found of another joint is looked at: of trunk, head and the same arm."""
    sides = [name.split("_")[0] for name in (joint, other)]
    return sides[1] in (sides[0], "root", "head")


def robust_ridge(causes: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """The map [C, 3] from causes [N, C] to effects [N, 3] of least mean angle, not square: some are misread by far."""
    weights, pull = np.ones(len(causes)), RIDGE * np.eye(causes.shape[1])
    for _ in range(STEPS):
        weighted = causes * weights[:, None]
        solution = np.linalg.solve(weighted.T @ causes + pull, weighted.T @ effects)
        weights = 1 / np.maximum(np.linalg.norm(effects - causes @ solution, axis=1), NEAR_RAD)
        weights /= weights.mean()
    return solution


def measure(seen: Seen, made: dict[str, object]) -> Instrument:
    """The instrument, from what was seen of strangers."""
    sight = sight_of(seen)
    found, _ = BodyFit(sight, SETTINGS)(seen.points, seen.head, seen.runs)
    return identify(sight, joint_rotations(found), joint_rotations(seen.film.body), made)


def made_with(seed: int) -> dict[str, object]:
    """What the instrument depends on."""
    names = ("anny", "mediapipe", "numpy", "opencv-python-headless", "scipy", "torch")
    return {
        "command": "python -m nonverbal.cues.body_instrument",
        "seed": seed,
        "people": PEOPLE,
        "frames": SHOTS * FRAMES,
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m nonverbal.cues.body_instrument", description=__doc__).parse_args()
    measure(look_at(range(PEOPLE), SEED), made_with(SEED)).save(INSTRUMENT)
    sys.stdout.write(f"{INSTRUMENT}\n")
