"""The kinematic body and its fit, on points of which the body is known."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.skeleton import JOINTS, forward_kinematics
from nonverbal.cues.body_fit import BodyFit, known_joints, near, tell
from nonverbal.cues.body_response import load_instrument
from nonverbal.cues.fitting import autojacobian
from nonverbal.cues.inverse_kinematics import HOLD_FRAMES, body_features
from nonverbal.cues.kinematic_body import (
    AT,
    DEEP,
    DEPTHS,
    FIRST,
    LANDMARKS,
    PARAMETERS,
    POSE,
    TREE,
    Build,
    KinematicBody,
    to_rotations,
    to_turns,
)
from nonverbal.cues.pose import HAND_POINTS, SIDES, unknown_points
from nonverbal.cues.settings import MediapipeIkSettings
from nonverbal.cues.strangers import random_motion, random_poses
from nonverbal.layouts import HAND_JOINTS

SETTINGS = MediapipeIkSettings(
    arm_seen=0.9, margin=0.1, hand_score=0.8, hand_inside=0.8, wrist_apart=0.15, doubt=2, steps=8, outlier=3
)
METRE = 300.0  # pixels


@pytest.fixture(scope="module")
def sight():
    return load_instrument().sight


@pytest.fixture(scope="module")
def fitter(sight):
    return BodyFit(sight, SETTINGS)


def moving(sight, frames, seed):
    """Parameters [frames, 64] of somebody who goes from pose to pose before a still camera."""
    generator = np.random.default_rng(seed)
    body = random_motion(generator, frames).reshape(frames, -1)[:, :156].reshape(frames, len(JOINTS), 3)
    turns = to_turns({joint: Rotation.from_rotvec(body[:, JOINTS.index(joint)]) for joint in TREE})
    out = np.concatenate([np.tile(sight.mean[:FIRST], (frames, 1)), turns], axis=1)
    out[:, :2] = generator.normal(scale=0.2, size=2)
    return out


def points_of(sight, parameters, noise=0.0, seed=0):
    """What the networks would see of parameters [N, 64], all landmarks in view."""
    model, generator = (
        KinematicBody(Build(sight.rest, sight.offsets, sight.gain, sight.bias)),
        np.random.default_rng(seed),
    )
    values = torch.as_tensor(parameters, dtype=torch.float32)
    numbers, at = model.points(values)[..., 0].numpy().astype(float), model.landmarks(values).numpy()
    numbers += generator.normal(size=numbers.shape) * noise
    points, count = unknown_points(len(parameters)), len(LANDMARKS)
    flat, depth = METRE * numbers[:, : 2 * count].reshape(-1, count, 2), numbers[:, 2 * count :]
    points.pose[:, POSE] = at[:, : len(POSE)]
    points.pose[:, POSE, 2] = depth[:, : len(POSE)]
    points.flat[:, POSE], points.visibility[:] = flat[:, : len(POSE)], 1
    points.hand_score[:], points.size[:] = 1, (1280, 960)
    for side in range(len(SIDES)):
        part = slice(len(POSE) + side * HAND_POINTS, len(POSE) + (side + 1) * HAND_POINTS)
        points.hands[:, side], points.hands_flat[:, side] = at[:, part], flat[:, part]
        first = len(POSE) + side * len(DEEP)
        points.hands[:, side][:, list(DEEP), 2] = depth[:, first : first + len(DEEP)]
    return points


def degrees_off(features, parameters, joint):
    first = 3 * JOINTS.index(joint)
    found, true = features[:, first : first + 3], to_rotations(parameters)[joint]
    known = np.isfinite(found[:, 0])
    assert known.mean() > 0.8  # a random pose may look like a flipped hand
    return np.degrees((Rotation.from_rotvec(true[known]).inv() * Rotation.from_rotvec(found[known])).magnitude())


def test_the_jacobian_is_how_what_is_seen_moves(sight):
    model = KinematicBody(Build(sight.rest, sight.offsets, sight.gain, sight.bias), torch.float64)
    parameters = torch.as_tensor(moving(sight, 4, 0))
    parameters[:, 4:FIRST] = 0.1
    assert torch.allclose(model.jacobian(parameters), autojacobian(model, parameters), atol=1e-9)


def test_joints_lie_where_the_skeleton_has_them(sight):
    poses = random_poses(np.random.default_rng(0), 6)
    rotations = np.zeros((6, len(JOINTS), 3))
    for joint in TREE[1:]:
        rotations[:, JOINTS.index(joint)] = poses[joint].as_rotvec()
    _, joints = forward_kinematics(torch.as_tensor(rotations), torch.as_tensor(sight.rest))
    shoulders = joints[:, [JOINTS.index(f"{side}_shoulder") for side in SIDES]].mean(dim=1, keepdim=True)
    model = KinematicBody(Build(sight.rest, 0 * sight.offsets, sight.gain, sight.bias), torch.float64)
    turns = to_turns({joint: Rotation.from_rotvec(rotations[:, JOINTS.index(joint)]) for joint in TREE})
    found = model.landmarks(torch.as_tensor(np.concatenate([np.zeros((6, FIRST)), turns], axis=1)))
    for number, joint in enumerate(LANDMARKS):
        if joint != "root":
            true = (joints - shoulders)[:, JOINTS.index(joint)]
            assert torch.allclose(found[:, number], true, atol=1e-6), joint


def test_turns_are_rotations_and_back(sight):
    parameters = moving(sight, 20, 1)
    rotations = {joint: Rotation.from_rotvec(vectors) for joint, vectors in to_rotations(parameters).items()}
    assert to_turns(rotations) == pytest.approx(parameters[:, FIRST:], abs=1e-6)


def test_a_body_comes_back_from_what_is_seen_of_it(sight, fitter):
    true, runs = moving(sight, 40, 2), np.zeros(40, int)
    features, sure = fitter(points_of(sight, true, 0.003), np.full((40, 3), np.nan), runs)
    for joint in ("root", *(f"{side}_{name}" for side in SIDES for name in ("shoulder", "elbow", "wrist"))):
        assert degrees_off(features, true, joint).mean() < 12, joint
    assert np.mean([degrees_off(features, true, f"{s}_{joint}").mean() for s in SIDES for joint in HAND_JOINTS]) < 5
    assert np.isnan(features[:, 3 * JOINTS.index("head")]).all() and (sure > 0.7).all()


def test_a_landmark_far_off_for_a_moment_hardly_pulls(sight, fitter):
    true, runs = moving(sight, 30, 3), np.zeros(30, int)
    points, off = points_of(sight, true), points_of(sight, true)
    off.flat[10:13, 13] += 80  # an elbow
    head = np.full((30, 3), np.nan)
    clean, pulled = fitter(points, head, runs)[0], fitter(off, head, runs)[0]
    first = 3 * JOINTS.index("left_shoulder")
    apart = [Rotation.from_rotvec(x[10:13, first : first + 3]) for x in (clean, pulled)]
    assert np.degrees((apart[0].inv() * apart[1]).magnitude()).max() < 8


def test_one_run_says_nothing_of_another(sight, fitter):
    """Two people whose tracks lie between each other, as when seats are swapped."""
    first, second = points_of(sight, moving(sight, 10, 4), 0.003), points_of(sight, moving(sight, 10, 5), 0.003)
    both = type(first)(
        *(np.stack([a, b], axis=1).reshape(-1, *a.shape[1:]) for a, b in zip(first, second, strict=True))
    )
    alone, head = fitter(first, np.full((10, 3), np.nan), np.zeros(10, int))[0], np.full((20, 3), np.nan)
    together = fitter(both, head, np.tile([0, 1], 10))[0]
    assert together[::2][:, :156] == pytest.approx(alone[:, :156], abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("frames", [1, 3])
def test_few_frames_and_nothing_found(fitter, sight, frames):
    runs, head = np.zeros(frames, int), np.full((frames, 3), 0.1)
    features, sure = fitter(unknown_points(frames), head, runs)
    assert np.isnan(features).all() and (sure == 0).all()
    features, sure = fitter(points_of(sight, moving(sight, frames, 6)), head, runs)
    assert np.isfinite(features[:, 3 * JOINTS.index("left_elbow")]).all() and (sure > 0).all()


def test_what_is_not_seen_is_not_known(sight):
    points = points_of(sight, moving(sight, 60, 7))
    points.visibility[0, 13] = 0.5  # left elbow hidden
    points.visibility[1, 12] = 0.5  # right shoulder hidden
    points.hand_score[2, 0] = 0.5
    points.hands_flat[3, 1] += 60  # another's hand
    points.hands[3:, 0] = np.nan
    known = tell(points, body_features(points, np.full((60, 3), np.nan), np.zeros(60, int)), SETTINGS)
    assert known.trunk.tolist() == [True, False, *[True] * 58]
    assert np.flatnonzero(~known.arms[:, 0]).tolist() == [0, 1] and np.flatnonzero(~known.arms[:, 1]).tolist() == [1]
    assert not known.hands[2:, 0].any() and np.flatnonzero(~known.hands[:, 1]).tolist() == [1, 3]
    joints = known_joints(known, np.zeros(60, int))
    assert set(joints) == set(TREE) and (joints["left_wrist"] == joints["left_index1"] & known.arms[:, 0]).all()


def test_a_twist_is_held_near_a_hand_of_the_same_run():
    seen = np.zeros(60, bool)
    seen[[5, 40]] = True
    runs = (np.arange(60) >= 30).astype(int)
    held = np.flatnonzero(near(seen, runs))
    assert held.tolist() == [*range(5 + HOLD_FRAMES + 1), *range(30, 40 + HOLD_FRAMES + 1)]
    shuffled = np.random.default_rng(0).permutation(60)
    assert len(PARAMETERS) == len(AT) and len(DEPTHS) == 30
    assert (near(seen, runs)[np.argsort(runs, kind="stable")] == near(seen, runs)).all() and len(shuffled) == 60
