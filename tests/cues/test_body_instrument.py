import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nonverbal.cues.body_instrument import FRAMES, PEOPLE, SEED, SHOTS, Seen, identify, look_at, made_with, mirrored
from nonverbal.cues.body_response import BODY, INSTRUMENT, KNOWN, NUMBERS, Instrument, joint_rotations, load_instrument
from nonverbal.layouts import BODY_FEATURES


@pytest.fixture(scope="module")
def seen():
    """Two people who are not among those that the instrument was made with."""
    return look_at(range(PEOPLE, PEOPLE + 2), SEED)


def features(rotations):
    out = np.full((len(rotations), BODY_FEATURES), np.nan)
    for i, joint in enumerate(NUMBERS):
        out[:, 3 * joint : 3 * joint + 3] = rotations[:, i]
    return out


def degrees_off(found, true):
    known = np.isfinite(found).all(axis=1)
    return np.degrees((Rotation.from_rotvec(found[known]).inv() * Rotation.from_rotvec(true[known])).magnitude()).mean()


def test_strangers_are_read_better_than_without(seen):
    corrected = joint_rotations(load_instrument()(features(seen.found)))
    assert np.array_equal(np.isnan(corrected), np.isnan(seen.found))  # what is unknown stays so
    off = [[degrees_off(x[:, i], seen.true[:, i]) for i in range(len(KNOWN))] for x in (seen.found, corrected)]
    raw, new = np.array(off)
    for part in ("head", "shoulder", "elbow", "wrist"):
        joints = [i for i, joint in enumerate(BODY) if joint.endswith(part)]
        assert new[joints].mean() < raw[joints].mean(), part
    assert new[len(BODY) :].mean() < 0.6 * raw[len(BODY) :].mean()  # fingers; measured: a third


def test_a_known_response_is_undone():
    true = np.random.default_rng(0).normal(scale=0.4, size=(1500, len(KNOWN), 3))
    offset = Rotation.from_rotvec([0.3, 0, 0])  # about x, which a mirror keeps
    found = (offset * Rotation.from_rotvec(0.5 * true.reshape(-1, 3))).as_rotvec().reshape(true.shape)
    found[::7, 3] = np.nan
    corrected = joint_rotations(identify(Seen(found, true, np.zeros(1500, int)), {})(features(found)))
    for i, joint in enumerate(KNOWN):
        assert degrees_off(found[:, i], true[:, i]) > 15
        assert degrees_off(corrected[:, i], true[:, i]) < 3, joint


def test_a_mirror_twice_is_none(seen):
    assert np.array_equal(mirrored(mirrored(seen.true)), seen.true)
    left, right = KNOWN.index("left_wrist"), KNOWN.index("right_wrist")
    assert np.array_equal(mirrored(seen.true)[:, left], seen.true[:, right] * (1, -1, -1))


def test_instrument_can_be_made_again(seen):
    instrument, again = load_instrument(), identify(seen, made_with(SEED))
    assert instrument.made == json.loads(json.dumps(made_with(SEED)))
    assert (instrument.made["people"], instrument.made["frames"]) == (PEOPLE, SHOTS * FRAMES)
    apart = Rotation.from_rotvec(instrument.true).inv() * Rotation.from_rotvec(again.true)
    assert np.degrees(apart.magnitude())[1:].mean() < 15  # a thirtieth of the people


def test_saved_instrument_reads_back(tmp_path):
    instrument: Instrument = load_instrument(INSTRUMENT)
    instrument.save(tmp_path / "i.npz")
    again = load_instrument(tmp_path / "i.npz")
    assert np.array_equal(again.gain, instrument.gain) and again.made == instrument.made
