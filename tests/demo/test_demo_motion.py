import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.model import ACTIONS, Avatar
from nonverbal.avatar.skeleton import JOINTS, forward_kinematics, joint_rotations
from nonverbal.demo.motion import Part, animate, gestured
from nonverbal.demo.settings import Gesture
from nonverbal.demo.studio import SEAT_M, TABLE_M
from nonverbal.demo.voice import Mark

FRAMES = 100
SPEAKER = Part(
    turns=[(1.0, 3.0)],
    words=[Mark("yes", 1.0, 1.4), Mark("wonderful", 1.5, 2.2), Mark("garden", 2.3, 3.0)],
    phonemes=[Mark("'a", 1.0 + 0.2 * i, 1.12 + 0.2 * i) for i in range(10)],
)
SILENT = Part([], [], [])


@pytest.fixture(scope="module")
def motions():
    speaker = animate(SPEAKER, SILENT, FRAMES, -1.0, np.random.default_rng(0))
    listener = animate(SILENT, SPEAKER, FRAMES, 1.0, np.random.default_rng(1))
    return speaker, listener


def action(motion, name):
    return motion.face[:, ACTIONS.index(name)]


def test_only_the_speaker_opens_the_jaw_and_only_while_speaking(motions):
    speaker, listener = motions
    jaw = action(speaker, "jawOpen")
    assert jaw[28:70].max() > 0.3
    assert jaw[:22].max() == 0 == jaw[80:].max()
    assert action(listener, "jawOpen").max() == 0


def test_both_smile_after_a_cheerful_word(motions):
    for motion in motions:
        smile = action(motion, "mouthSmileLeft")
        assert smile[42:62].max() > 0.35 > smile[:15].max()


def test_actions_stay_in_range_and_everyone_blinks():
    for seed in range(3):
        motion = animate(SPEAKER, SILENT, 250, -1.0, np.random.default_rng(seed))
        unsigned = np.delete(motion.face, ACTIONS.index("jawSide"), axis=1)
        assert unsigned.min() >= 0 and unsigned.max() <= 1
        assert action(motion, "eyeBlinkLeft").max() > 0.9


def test_hands_are_in_front_of_the_trunk_and_the_speakers_rise(motions):
    avatar = Avatar()
    heights = []
    for motion in motions:
        joints = avatar(torch.from_numpy(motion.body), torch.from_numpy(motion.face))[1].numpy()
        wrists = joints[:, [JOINTS.index("left_wrist"), JOINTS.index("right_wrist")]]
        assert (wrists[..., 2] > 0.1).all()
        assert (wrists[..., 1] > 0.2).all()  # above the table
        assert (wrists[:, 0, 0] > wrists[:, 1, 0]).all()  # arms don't cross
        heights.append(wrists[40:65, :, 1].mean())
    assert heights[0] > heights[1] + 0.05


def test_motion_is_smooth(motions):
    for motion in motions:
        assert np.abs(np.diff(motion.body, axis=0)).max() < 0.25  # radians a frame


def test_the_same_seed_gives_the_same_motion(motions):
    again = animate(SPEAKER, SILENT, FRAMES, -1.0, np.random.default_rng(0))
    assert np.array_equal(again.body, motions[0].body) and np.array_equal(again.face, motions[0].face)


def gesture(motion, **values):
    return gestured(motion, [Gesture(person=0, start_s=1.0, length_s=2.0, **values)])


def joints_of(motion):
    return Avatar()(torch.from_numpy(motion.body))[1].numpy()


@pytest.mark.parametrize("kind", ["turn_head", "lower_hands", "cover_face"])
def test_a_gesture_changes_its_own_time_alone_and_without_a_jump(motions, kind):
    before, after = motions[0], gesture(motions[0], kind=kind, degrees=45)
    changed = np.abs(after.body - before.body).max(axis=1) > 1e-4
    assert changed[30:70].all() and not changed[:25].any() and not changed[76:].any()
    assert np.array_equal(after.face, before.face)
    for joint in ("head", "left_shoulder", "left_elbow"):
        at = 3 * JOINTS.index(joint)
        turns = Rotation.from_rotvec(after.body[:, at : at + 3])
        assert (turns[1:] * turns[:-1].inv()).magnitude().max() < 0.4  # radians a frame


def test_the_head_turns_by_the_degrees_asked_for(motions):
    avatar = Avatar()

    def ahead(motion):
        rotations = forward_kinematics(joint_rotations(torch.from_numpy(motion.body)), avatar.rest_joints)[0]
        return rotations[50, JOINTS.index("head"), :, 2].numpy()

    turned = gesture(motions[0], kind="turn_head", degrees=40)
    assert np.degrees(np.arccos(ahead(turned) @ ahead(motions[0]))) == pytest.approx(40, abs=3)
    assert ahead(turned)[0] > ahead(motions[0])[0]  # x is to the person's left


def test_lowered_hands_are_below_the_table_and_come_back(motions):
    height = joints_of(gesture(motions[0], kind="lower_hands"))[
        :, [JOINTS.index("left_wrist"), JOINTS.index("right_wrist")], 1
    ]
    assert (height[45:55] + SEAT_M < TABLE_M).all()
    assert (height[[10, 90]] + SEAT_M > TABLE_M).all()


def test_the_covering_hand_is_before_the_face(motions):
    joints = joints_of(gesture(motions[0], kind="cover_face"))[50]
    away = joints[JOINTS.index("left_middle1")] - joints[JOINTS.index("head")]
    assert np.linalg.norm(away[:2]) < 0.12 and 0.12 < away[2] < 0.30
