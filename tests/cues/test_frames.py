import numpy as np
import pandas as pd
import pytest

from nonverbal.cues.frames import FACE, PERSON, Trackers, crop, pictures, runs, sightings, to_rows
from nonverbal.media import VideoWriter


class Follower:
    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1


def crops_table(rows):
    table = pd.DataFrame(rows, columns=["utterance_id", "speaker", "track_id", "frame"]).assign(
        clip_id="a_000", score=1.0
    )
    for i, name in enumerate([*FACE, *PERSON]):
        table[name] = np.float32(10.0 * i)
    return table


def test_a_tracker_stays_with_its_track_and_is_reset_when_it_serves_another():
    made = []
    trackers = Trackers(lambda: made.append(Follower()) or made[-1])
    first = trackers.get(1, 0)
    assert trackers.get(1, 1) is first and trackers.get(2, 1) is not first
    assert first.resets == 0
    assert trackers.get(2, 5).resets == 1  # not seen in the frame before: starts anew
    assert len(made) == 2
    trackers.clear()
    assert trackers.get(1, 0).resets >= 1


def test_crop_stays_inside_the_picture_and_says_where_it_lies():
    picture = np.arange(100 * 200 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 200, 3)
    view = crop(picture, np.array([150.0, 40.0, 190.0, 60.0]), scale=2.0, square=True)
    assert (view.x, view.y, view.picture.shape) == (130, 10, (80, 70, 3))
    assert np.array_equal(view.picture, picture[10:90, 130:200])
    assert crop(picture, np.array([300.0, 0.0, 320.0, 20.0])) is None


def test_a_frame_that_two_utterances_share_is_looked_at_once_and_fills_both():
    crops = crops_table([(0, 0, 7, 3), (0, 0, 7, 4), (1, 0, 7, 4), (2, 1, 8, 4)])
    seen = sightings(crops)
    assert seen[["speaker", "frame"]].to_numpy().tolist() == [[0, 3], [0, 4], [1, 4]]
    features = np.array([[1.0, np.nan], [2.0, 2.0], [np.nan, np.nan]])
    rows = to_rows(crops, seen, features, np.array([0.5, 0.6, 0.7]))
    assert rows["valid"].tolist() == [True, True, True, False]
    assert rows["reason"].tolist() == ["", "", "", "unsure"]
    assert rows["confidence"].to_numpy() == pytest.approx([0.5, 0.6, 0.6, 0.0])
    assert np.isnan(rows["features"][3]).all() and rows["features"][2].tolist() == [2.0, 2.0]


def test_pictures_are_those_of_the_frames_asked_for(tmp_path):
    with VideoWriter(tmp_path / "v.mp4", 32, 32) as video:
        for level in range(0, 200, 20):
            video.write(np.full((32, 32, 3), level, np.uint8))
    got = [(position, picture.mean()) for position, picture in pictures(tmp_path / "v.mp4", np.array([2, 5, 5, 99]))]
    assert [position for position, _ in got] == [0, 1, 2]
    assert [level for _, level in got] == pytest.approx([40, 100, 100], abs=6)


def test_runs_break_at_gaps_and_between_tracks():
    tracks, frames = np.array([1, 2, 1, 2, 1]), np.array([0, 0, 1, 1, 3])
    numbers = runs(tracks, frames)
    assert numbers[0] == numbers[2] and numbers[1] == numbers[3]
    assert len({numbers[0], numbers[1], numbers[4]}) == 3
    assert len(runs(np.array([], int), np.array([], int))) == 0
