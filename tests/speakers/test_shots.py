import numpy as np
import pytest
from speaker_scenes import scene

from nonverbal.speakers.shots import Cameras, ShotChanges, small_picture


def cuts(frames) -> list[int]:
    changes = ShotChanges(0.1, 4)
    return [number for number, frame in enumerate(frames) if changes(small_picture(frame))]


def test_a_cut_is_found_where_it_is():
    assert cuts([scene(1)] * 10 + [scene(2)] * 10 + [scene(1)] * 3) == [10, 20]


def test_the_first_frame_and_a_still_or_black_picture_are_no_cuts():
    assert cuts([scene(3)] * 5) == []
    assert cuts([np.zeros_like(scene(0))] * 5) == []


def test_a_fade_to_black_is_no_cut():
    assert cuts([(scene(4) * part).astype(np.uint8) for part in np.linspace(1, 0.02, 25)]) == []


@pytest.mark.parametrize("speed", [1, 4, 8])
def test_a_moving_camera_is_no_cut(speed):
    wide = np.hstack([scene(5), scene(6)])
    assert cuts([wide[:, shift : shift + 320] for shift in range(0, 30 * speed, speed)]) == []


def test_a_cut_within_motion_is_found():
    wide = np.hstack([scene(5), scene(6)])
    moving = [wide[:, shift : shift + 320] for shift in range(0, 40, 2)]
    assert cuts(moving + [scene(7)] * 5) == [20]


def cameras(*shots) -> list[int]:
    found = Cameras(0.8)
    for number, shot in enumerate(shots):
        for first, frame in enumerate(shot):
            found.see(small_picture(frame), number > 0 and first == 0)
    found.end_shot()
    return found.of_shot


def test_shots_from_one_place_are_of_one_camera_whatever_moves_in_them():
    moved = scene(1)
    moved[60:90, 96:128] = 255
    shots = [scene(1)] * 5, [scene(2)] * 5, [moved] * 3, [scene(2)[:, ::-1]] * 3, [scene(2)] * 2
    assert cameras(*shots) == [0, 1, 0, 2, 1]


def test_a_clip_of_one_shot_has_one_camera():
    assert cameras([scene(1)]) == [0]
