import numpy as np
import pandas as pd
import pytest
from speaker_scenes import HEIGHT, WIDTH, ScriptedFaces, face, numbered, scene

from nonverbal.speakers.descriptor import Colours
from nonverbal.speakers.people import BATCH, PERSON, People, bearers, with_detected
from nonverbal.speakers.tracks import follow_faces, track_rows

LEFT, RIGHT = [40.0, 30, 130, 175], [190.0, 35, 280, 170]  # persons whose faces are at 80 and 240


class ScriptedPersons:
    """Sees the same persons in every frame; remembers how many frames it was given at once."""

    def __init__(self, *persons: list[float]) -> None:
        self.persons, self.batches = np.array(persons, dtype=float).reshape(-1, 4), []

    def find(self, frames: list[np.ndarray]) -> list[np.ndarray]:
        self.batches.append(len(frames))
        return [self.persons + np.array([1, 0, 1, 0]) * frame[0, 0, 0] for frame in frames]


def test_each_face_goes_to_the_person_that_bears_it():
    assert bearers(np.array([face(240), face(80)]), np.array([LEFT, RIGHT])) == {0: 1, 1: 0}


def test_a_face_on_somebodys_knees_or_beside_everybody_is_nobodys():
    knees, beside = face(80, y=160, size=20), face(160)
    assert bearers(np.array([knees, beside]), np.array([LEFT, RIGHT])) == {}
    assert bearers(np.empty((0, 4)), np.array([LEFT])) == bearers(np.array([beside]), np.empty((0, 4))) == {}


def test_of_two_persons_about_a_face_the_nearer_middle_bears_it():
    behind = [60.0, 20, 190, 175]
    assert bearers(np.array([face(80)]), np.array([behind, LEFT])) == {0: 1}


def rows(estimates: np.ndarray, track: int = 0) -> pd.DataFrame:
    frames = {"track_id": track, "frame": np.arange(len(estimates))}
    return pd.DataFrame(estimates, columns=PERSON).assign(**frames)


def test_between_detections_the_box_goes_on_following_the_face():
    drift = np.arange(11)[:, None] * [2.0, 0, 2, 0]
    faces = np.array(face(80)) + drift
    people = {frame: np.array([LEFT]) + drift[frame] for frame in (0, 5, 10)}
    boxes = with_detected(rows(np.array([20.0, 20, 140, 180]) + drift), faces, people)
    assert np.allclose(boxes, np.array(LEFT) + drift)


def test_a_person_that_is_never_detected_keeps_the_estimate():
    estimates = np.tile([20.0, 20, 140, 180], (5, 1))
    assert np.allclose(with_detected(rows(estimates), np.tile(face(80), (5, 1)), {0: np.array([RIGHT])}), estimates)


@pytest.mark.parametrize("persons", [(), (LEFT, RIGHT)])
def test_tracks_get_the_boxes_of_detected_persons_found_in_batches(tracking, persons):
    count, every = 100, 5
    script = [[(face(80 + i / 2), 0.9), (face(200 + i / 2), 0.9)] for i in range(count)]
    pictures = [numbered(scene(0), i) for i in range(count)]
    finder = ScriptedPersons(*persons)
    people = People(finder)
    settings = tracking.model_copy(update={"detect_every": every})
    found = follow_faces(pictures, ScriptedFaces(script), Colours(), settings, people)
    made = track_rows("c_000", found, WIDTH, HEIGHT, people)
    assert finder.batches == [BATCH, count // every - BATCH] and sorted(people.found) == list(range(0, count, every))
    estimated = track_rows("c_000", found, WIDTH, HEIGHT)
    same = (made[PERSON] == estimated[PERSON]).all().all()
    assert same == (not persons)
    if persons:
        assert made.loc[0, PERSON].tolist() == LEFT
    assert made[["face_x0", "track_id"]].equals(estimated[["face_x0", "track_id"]])
