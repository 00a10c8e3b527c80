import numpy as np
import pytest

from nonverbal.mars.beats import BeatAlignment, closeness, motion_beats, word_onsets
from nonverbal.mars.interleave import interleave, motion_events, render, word_events


def test_onsets_are_where_words_were_to_half_a_group():
    """A line made from known times gives them back, no word more than a group of frames from its own."""
    starts = [0.0, 0.1, 0.33, 0.36, 1.0, 1.9, 2.2]
    words = [(f"w{i}", start) for i, start in enumerate(starts)]
    runs = [(0, list(range(8)))]
    line = render(interleave(word_events(words), motion_events("face", runs), motion_events("body", runs)))
    found, true = word_onsets(line), np.array([int(25 * start) for start in starts])
    assert (np.diff(found) > 0).all() and np.abs(found - true).max() < 8
    same_group = (np.ceil(true / 8) == np.ceil(found / 8)).all()
    assert same_group


def test_onsets_of_odd_lines():
    assert word_onsets("").tolist() == []
    assert word_onsets("yes well").tolist() == [0, 0]
    assert word_onsets("<FACE_1><BODY_2>").tolist() == []
    assert word_onsets("<SOT>so<FACE_1><BODY_2> yes no<EOT>") == pytest.approx([0, 8 / 3, 16 / 3])


def swing(stops: list[int], frames: int) -> np.ndarray:
    """Joints [frames, 2, 3] that turn at a speed that is least at some frames."""
    away = np.abs(np.arange(frames - 1)[:, None] + 0.5 - np.array(stops)).min(axis=1)
    angle = np.concatenate([[0], np.cumsum(0.02 * np.clip(away, 0, 6))])
    return np.repeat(angle[:, None, None], 6, axis=1).reshape(frames, 2, 3)


def test_beats_of_motion_are_where_it_is_slowest():
    assert motion_beats(swing([20, 50, 80], 100)) == pytest.approx([20, 50, 80], abs=1)
    assert len(motion_beats(np.zeros((30, 2, 3)))) == len(motion_beats(np.zeros((1, 2, 3)))) == 0


def test_gestures_on_words_score_more_than_by_chance_and_others_less():
    on, off = BeatAlignment(), BeatAlignment()
    for score, onsets in ((on, [20, 50, 80]), (off, [5, 35, 65, 95])):
        score.add(swing([20, 50, 80], 100), np.array(onsets))
    assert on.means()["beats"] == 3
    assert on.means()["beat_alignment"] > 0.9 > 2 * on.means()["beat_alignment_chance"]
    assert off.means()["beat_alignment"] < 0.01 < off.means()["beat_alignment_chance"]


def test_closeness_falls_as_a_gaussian():
    assert closeness(np.array([0.0, 2.5, 12.5]), np.array([0.0, 15.0])) == pytest.approx([1, 0.6065, 0.6065], abs=1e-4)


def test_no_beat_is_no_score():
    score = BeatAlignment()
    score.add(np.zeros((30, 2, 3)), np.array([3.0]))
    score.add(swing([20], 40), np.array([]))
    assert score.means() == {"beats": 0, "beat_alignment": None, "beat_alignment_chance": None}
