"""How many people a clip shows: counted in sparse pictures, told apart by looks, never trusted from one picture."""

import numpy as np
import pytest

from nonverbal.media import VideoWriter, sample_frames
from nonverbal.schema import read_table
from nonverbal.speech.people import count_people, people

COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))


class Faces:
    """Finds the faces that a test says a picture has: (x of the face, score)."""

    def __init__(self, *pictures):
        self.pictures = iter(pictures)

    def detect(self, frame):
        found = next(self.pictures)
        boxes = [(x, 40, x + 20, 60) for x, _ in found]
        return np.array(boxes, dtype=float).reshape(-1, 4), np.array([score for _, score in found])


def picture(*people):
    """A stripe of a person's colour at each given x."""
    frame = np.full((100, 300, 3), 128, np.uint8)
    for x, who in people:
        frame[:, x - 30 : x + 50] = COLOURS[who]
    return frame


def count(settings, *shots):
    """Rows of pictures: each a list of (x, who) or (x, who, score)."""
    pictures = [picture(*[(x, who) for x, who, *_ in shot]) for shot in shots]
    finder = Faces(*[[(x, *(rest or [0.9])) for x, _, *rest in shot] for shot in shots])
    found = count_people(pictures, finder, settings.people)
    return found["at_once"], found["persons"]


def test_two_in_a_wide_shot_are_two(speech_settings):
    assert count(speech_settings, *[[(50, 0), (200, 1)]] * 3) == (2, 2)


def test_two_who_never_share_a_shot_are_told_apart_by_looks(speech_settings):
    assert count(speech_settings, [(50, 0)], [(200, 1)], [(50, 0)], [(200, 1)]) == (1, 2)


def test_one_at_two_places_is_one(speech_settings):
    assert count(speech_settings, [(50, 0)], [(200, 0)], [(120, 0)]) == (1, 1)


def test_a_face_in_too_few_pictures_is_nobody(speech_settings):
    assert count(speech_settings, [(50, 0), (200, 1)], *[[(50, 0)]] * 19) == (1, 1)


def test_a_weak_detection_is_nobody(speech_settings):
    assert count(speech_settings, *[[(50, 0), (200, 1, 0.5)]] * 3) == (1, 1)


def test_nobody_is_counted_where_nobody_is_seen(speech_settings):
    assert count(speech_settings, [], []) == count(speech_settings) == (0, 0)


@pytest.fixture
def grey_film(tmp_path):
    """100 frames that get brighter; a key frame at the first alone."""
    with VideoWriter(tmp_path / "v_000.mp4", 64, 48) as writer:
        for level in range(100):
            writer.write(np.full((48, 64, 3), 2 * level, np.uint8))
    return tmp_path / "v_000.mp4"


def test_pictures_spread_over_the_whole_film(grey_film):
    levels = [frame.mean() / 2 for frame in sample_frames(grey_film, 60, 5)]
    assert np.allclose(levels, [0, 25, 50, 74, 99], atol=3)
    assert [frame.mean() / 2 for frame in sample_frames(grey_film, 60, 1)] == pytest.approx([0], abs=3)


def test_rule_writes_one_row_a_kept_clip(shard, speech_settings, grey_film):
    folder = shard(clips=[{}, {"clip_id": "v_001", "kept": False, "reason": "too_short", "video": ""}])
    people(folder / "clips.parquet", grey_film.parent, folder / "p.parquet", speech_settings.people)
    rows = read_table(folder / "p.parquet", "people").to_dict("records")
    assert rows == [{"clip_id": "v_000", "pictures": 10, "at_once": 0, "persons": 0}]


def test_two_real_women_are_two(shared_media, speech_settings):
    from nonverbal.speakers.faces import MediapipeFaces

    chosen = speech_settings.people
    pictures = sample_frames(shared_media / "two_women_mandarin_50s.mp4", chosen.most_pictures, chosen.least_pictures)
    found = count_people(pictures, MediapipeFaces(chosen.lowest_score), chosen)
    assert max(found["at_once"], found["persons"]) == 2, found
