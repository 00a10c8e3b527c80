import json

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from nonverbal.config import SCHEMA, load
from nonverbal.cues.body_fit import BodyFit
from nonverbal.cues.body_instrument import (
    FRAMES,
    PEOPLE,
    SEED,
    SETTINGS,
    SHOTS,
    identify,
    look_at,
    made_with,
    mirrored,
    offset,
    sight_of,
    twin_parameters,
    world_rotations,
)
from nonverbal.cues.body_response import BODY, INSTRUMENT, NUMBERS, joint_rotations, load_instrument
from nonverbal.cues.inverse_kinematics import body_features
from nonverbal.cues.kinematic_body import AT, LANDMARKS, PARAMETERS, TREE
from nonverbal.layouts import BODY_FEATURES, HAND_JOINTS

CONFIG = load(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text()))
FINGERS = [f"{side}_{joint}" for side in ("left", "right") for joint in HAND_JOINTS]


@pytest.fixture(scope="module")
def seen():
    """Two people who are not among those that the instrument was made with."""
    return look_at(range(PEOPLE, PEOPLE + 2), SEED)


def test_the_instrument_is_made_as_bodies_are_read():
    assert CONFIG.cues.body.mediapipe_ik == SETTINGS


def features(rotations):
    out = np.full((len(rotations), BODY_FEATURES), np.nan)
    for i, joint in enumerate(NUMBERS):
        out[:, 3 * joint : 3 * joint + 3] = rotations[:, i]
    return out


def degrees_off(found, true):
    known = np.isfinite(found).all(axis=1)
    return np.degrees((Rotation.from_rotvec(found[known]).inv() * Rotation.from_rotvec(true[known])).magnitude()).mean()


def off(found, true, joints):
    """Mean degrees over BODY's joints that end so."""
    chosen = [NUMBERS[i] for i, joint in enumerate(BODY) if joint.endswith(joints)]
    return np.mean([degrees_off(found[:, 3 * j : 3 * j + 3], true[:, 3 * j : 3 * j + 3]) for j in chosen])


def test_strangers_are_read_better_by_the_fit_and_not_worse_corrected(seen):
    instrument, true = load_instrument(), seen.film.body
    solved = body_features(seen.points, seen.head, seen.runs)
    fitted, sure = BodyFit(instrument.sight, SETTINGS)(seen.points, seen.head, seen.runs)
    corrected = instrument(fitted)
    solved[np.isnan(fitted)] = np.nan
    assert np.array_equal(np.isnan(corrected), np.isnan(fitted))  # what is unknown stays so
    for part in ("shoulder", "elbow", "wrist"):
        assert off(fitted, true, part) < 0.9 * off(solved, true, part), part
        assert off(corrected, true, part) < 1.1 * off(fitted, true, part), part
    assert off(corrected, true, "head") < off(solved, true, "head")
    assert ((sure >= 0) & (sure <= 1)).all() and sure.max() > 0.5
    fingers = slice(66, 156)
    error = [
        degrees_off(x[:, fingers].reshape(-1, 3), true[:, fingers].reshape(-1, 3).astype(float))
        for x in (solved, fitted)
    ]
    assert error[1] < 0.5 * error[0]  # measured: a quarter


def test_a_known_response_is_undone():
    true = np.random.default_rng(0).normal(scale=0.4, size=(1500, len(BODY), 3))
    turn = Rotation.from_rotvec([0.3, 0, 0])  # about x, which a mirror keeps
    found = (turn * Rotation.from_rotvec(0.5 * true.reshape(-1, 3))).as_rotvec().reshape(true.shape)
    found[::7, 3] = np.nan
    instrument = identify(load_instrument().sight, found, true, {})
    corrected = joint_rotations(instrument(features(found)))
    for i, joint in enumerate(BODY):
        assert degrees_off(found[:, i], true[:, i]) > 15
        assert degrees_off(corrected[:, i], true[:, i]) < 3, joint


def test_a_mirror_twice_is_none(seen):
    true = joint_rotations(seen.film.body)
    assert np.array_equal(mirrored(mirrored(true)), true)
    left, right = BODY.index("left_wrist"), BODY.index("right_wrist")
    assert np.array_equal(mirrored(true)[:, left], true[:, right] * (1, -1, -1))
    twins, signs = twin_parameters()
    assert (twins[twins] == np.arange(len(PARAMETERS))).all() and (signs[twins] == signs).all()
    assert PARAMETERS[twins[AT["left_index1.curl"]]] == "right_index1.curl"


def test_an_offset_is_found_where_it_was_put():
    generator = np.random.default_rng(1)
    at, turned = generator.normal(size=(300, 3)) * (0.3, 0.2, 0.1) - [0, 0, 2], Rotation.random(300, random_state=1)
    truth = np.array([0.03, -0.02, 0.05])
    point, focal = at + turned.apply(truth), np.full(300, 500.0)
    flat = focal[:, None] * point[:, :2] / -point[:, 2:] + generator.normal(size=(300, 2))
    flat[::10] += 40  # some are found elsewhere
    found, spread = offset(at, turned, focal, flat)
    assert found == pytest.approx(truth, abs=0.003)
    assert spread == pytest.approx(2 / 500, rel=0.35)  # a tenth is off


def test_instrument_can_be_made_again(seen):
    instrument, again = load_instrument(), sight_of(seen)
    assert instrument.made == json.loads(json.dumps(made_with(SEED)))
    assert (instrument.made["people"], instrument.made["frames"]) == (PEOPLE, SHOTS * FRAMES)
    # Of a thirtieth of the people.
    hands = slice(8, len(LANDMARKS))
    assert np.abs(instrument.sight.offsets[hands] - again.offsets[hands]).mean() < 0.01
    assert again.mean[AT["left_elbow.bend"]] == pytest.approx(instrument.sight.mean[AT["left_elbow.bend"]], abs=1e-4)


def test_the_films_truth_is_the_bodys(seen):
    turned, joints = world_rotations(seen.film.body), seen.film.joints
    assert set(turned) == set(TREE) and joints[..., 2].max() < 0  # before the camera, which looks along -z
    assert 0.5 < seen.film.in_view[:, 0].mean() + seen.film.in_view.mean() < 2


def test_saved_instrument_reads_back(tmp_path):
    instrument = load_instrument(INSTRUMENT)
    instrument.save(tmp_path / "i.npz")
    again = load_instrument(tmp_path / "i.npz")
    assert np.array_equal(again.gain, instrument.gain) and again.made == instrument.made
    assert np.array_equal(again.sight.covariance, instrument.sight.covariance)
