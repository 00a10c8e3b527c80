import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from views_cases import FIRST, KNOWN

from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE, OPEN_FACE
from nonverbal.schema import read_table, write_table
from nonverbal.views.found import find
from nonverbal.views.motion import columns, held, motion_of, motions_of, resting, upright


def test_a_number_keeps_its_last_known_value():
    nan = np.nan
    values = np.array([[nan, nan, 7.0], [1.0, nan, nan], [nan, nan, nan], [3.0, nan, 8.0]])
    filled, known = held(values, np.array([0.0, 5.0, 0.0]))
    assert filled.T.tolist() == [[1, 1, 1, 3], [5, 5, 5, 5], [7, 7, 7, 8]]
    assert known.sum() == 4 and not known[:, 1].any()


def test_parts_that_are_not_known_are_named_in_each_frame(complete):
    (motion,) = motions_of(find(complete, "v_000"), 0)
    first = motion.span.first
    assert (first, len(motion.span)) == (FIRST, 20)
    assert set(motion.held(KNOWN.start - first)) == {"left hand"}
    assert set(motion.held(12 - first)) == {"left hand", "right arm"}
    assert set(motion.held(KNOWN.stop - first)) == set(motion.known)
    right = motion.body[:, columns("right_shoulder")]
    assert np.array_equal(right[12 - first], right[9 - first]) and right[9 - first].any()


def test_a_joint_that_is_never_known_hangs_or_is_straight(complete):
    (motion,) = motions_of(find(complete, "v_000"), 0)
    assert not motion.body[:, columns("left_wrist")].any()
    assert np.isfinite(motion.body).all() and np.isfinite(motion.face).all()
    assert resting()[columns("left_shoulder")][2] < -1 < 1 < resting()[columns("right_shoulder")][2]


def test_actions_stay_in_their_range_and_flames_numbers_are_no_actions(complete):
    path = complete / "cues" / "smooth" / "00001" / "face.parquet"
    (motion,) = motions_of(find(complete, "v_000"), 0)
    assert motion.layout is OPEN_FACE
    jaw = motion.actions[:, -3:]
    assert motion.actions.min() < 0 == jaw[:, 0].min() and jaw[:, 1].min() < -0.1
    rows = read_table(path, "face")
    write_table(path, "face", rows.assign(features=[np.ones(156, np.float32)] * len(rows)))
    (motion,) = motions_of(find(complete, "v_000"), 0)
    assert motion.layout is FLAME_FACE and not motion.actions.any()


def test_the_whole_clip_has_a_motion_for_each_who_is_known(complete):
    found = find(complete, "v_000")
    assert [motion.speaker for motion in motions_of(found, None)] == [0]
    assert len(motion_of(found, 0, None).span) == 30
    with pytest.raises(UserError, match="no parameters of utterance 1 of clip v_000"):
        motions_of(found, 1)
    with pytest.raises(UserError, match="has no utterance 7; it has 0, 1"):
        motions_of(found, 7)


def test_a_root_in_the_cameras_axes_is_turned_up_and_another_stays():
    turns = np.linspace(-0.4, 0.4, 5)
    body = np.ones((5, 179), np.float32)
    body[:, :3] = turns[:, None] * [0, 1, 0]
    assert np.array_equal(upright(body), body)
    camera = body.copy()
    camera[:, :3] = (Rotation.from_rotvec([np.pi, 0, 0]) * Rotation.from_rotvec(body[:, :3])).as_rotvec()
    assert upright(camera) == pytest.approx(body, abs=1e-5)
