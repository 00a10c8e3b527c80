import numpy as np
import pytest
import torch

from nonverbal.avatar.model import ACTIONS, Avatar
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.demo.motion import Part, animate
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
