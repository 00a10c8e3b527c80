import numpy as np
import pandas as pd
from speaker_scenes import mouths, track_table

from nonverbal.speakers.persons import activity, assign, persons, seen_together


def tables(*tracks: tuple[int, int, int]) -> pd.DataFrame:
    """Tracks of (first frame, frames, kind of descriptor)."""
    rng = np.random.default_rng(0)
    made = [track_table(i, first, mouths(np.zeros(n, bool), rng), kind) for i, (first, n, kind) in enumerate(tracks)]
    return pd.concat(made, ignore_index=True)


def test_tracks_that_share_a_frame_are_seen_together():
    together = seen_together(tables((0, 10, 0), (9, 5, 1), (20, 5, 0)), "track_id")
    assert together.tolist() == [[False, True, False], [True, False, False], [False, False, False]]


def test_alike_tracks_are_one_person_and_unlike_ones_are_not():
    assert persons(tables((0, 10, 0), (0, 10, 1), (20, 10, 1), (40, 10, 0)), 0.96).tolist() == [0, 1, 1, 0]


def test_twins_in_one_frame_are_two_persons():
    assert len(set(persons(tables((0, 10, 0), (0, 10, 0)), 0.5))) == 2


def test_what_was_joined_to_one_twin_is_not_joined_to_the_other():
    of = persons(tables((0, 10, 0), (5, 10, 0), (12, 10, 0)), 0.5)
    assert of[0] != of[1] and of[1] != of[2]


def test_no_tracks_no_persons():
    assert persons(tables((0, 1, 0)).head(0), 0.9).shape == (0,)


def test_speech_is_placed_in_frames():
    turns = pd.DataFrame({"speaker": [4, 2], "start_s": [0.0, 0.2], "end_s": [0.2, 0.4]})
    assert activity(turns, 11).T.astype(int).tolist() == [[0] * 5 + [1] * 5 + [0], [1] * 5 + [0] * 6]
    assert activity(turns.head(0), 7).shape == (7, 0)


def test_each_speaker_gets_one_person_so_that_all_evidence_is_greatest():
    apart = np.array([[False, True], [True, False]])
    assert assign(np.array([[10.0, 9.0], [8.0, 1.0]]), apart).tolist() == [1, 0]


def test_a_second_track_group_of_a_person_joins_its_speaker_unless_seen_beside_it():
    evidence = np.array([[10.0, -10.0], [-10.0, 10.0], [5.0, -5.0]])
    apart = np.zeros((3, 3), dtype=bool)
    assert assign(evidence, apart).tolist() == [0, 1, 0]
    apart[0, 2] = apart[2, 0] = True
    assert assign(evidence, apart).tolist() == [0, 1, -1]


def test_a_person_without_evidence_is_nobody():
    assert assign(np.array([[3.0, -3.0], [0.0, 0.0]]), np.zeros((2, 2), dtype=bool)).tolist() == [0, -1]
    assert assign(np.zeros((2, 0)), np.zeros((2, 2), dtype=bool)).tolist() == [-1, -1]
