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


def shots_of(*tracks: tuple[int, int, float, float]) -> pd.DataFrame:
    """Twins, ten frames a shot: tracks of (shot, camera, place, facing)."""
    made = [
        tables((10 * shot, 10, 0)).assign(
            track_id=i, shot=shot, camera=camera, facing=facing, face_x0=x, face_x1=x + 30
        )
        for i, (shot, camera, x, facing) in enumerate(tracks)
    ]
    return pd.concat(made, ignore_index=True)


def test_twins_keep_their_seats_before_a_camera_and_are_not_guessed_before_another():
    twins = shots_of((0, 0, 40, 0.3), (0, 0, 200, -0.3), (1, 1, 100, 0.3), (2, 0, 40, 0.2), (2, 0, 200, -0.2))
    assert persons(twins, 0.96).tolist() == [0, 1, 2, 0, 1]


def test_twins_that_never_share_a_frame_are_told_apart_by_where_they_face():
    assert persons(shots_of((0, 0, 100, 0.4), (1, 1, 100, -0.4), (2, 0, 100, 0.4)), 0.96).tolist() == [0, 1, 0]
    assert persons(shots_of((0, 0, 100, 0.1), (1, 1, 100, -0.1)), 0.96).tolist() == [0, 0]


def test_somebody_else_on_the_seat_is_somebody_else():
    guests = shots_of((0, 0, 100, 0.0), (1, 0, 100, 0.0))
    guests.loc[10:, "descriptor"] = tables((0, 10, 1))["descriptor"].set_axis(range(10, 20))
    assert persons(guests, 0.96).tolist() == [0, 1]


def test_a_turned_head_is_no_other_person_where_clothes_tell_who_it_is():
    two = shots_of((0, 0, 40, 0.4), (0, 0, 200, -0.4), (1, 1, 100, -0.4))
    two.loc[10:19, "descriptor"] = tables((0, 10, 1))["descriptor"].set_axis(range(10, 20))
    assert persons(two, 0.96).tolist() == [0, 1, 0]


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
