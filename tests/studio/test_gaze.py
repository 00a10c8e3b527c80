"""Where the actors look: directions in closed form, and the demonstration's numbers."""

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from nonverbal.config import SCHEMA
from nonverbal.layouts import FACE_FEATURES, OPEN_FACE_ACTIONS
from nonverbal.schema import write_table
from nonverbal.studio.gaze import Looks, directions, gaze, sectors
from nonverbal.studio.settings import Gaze

SETTINGS = Gaze.model_validate(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())["studio"]["gaze"])


def face(**actions: float) -> np.ndarray:
    """A face at rest but for some actions."""
    features = np.full(FACE_FEATURES, np.nan, np.float32)
    features[: len(OPEN_FACE_ACTIONS)] = 0
    for name, value in actions.items():
        features[OPEN_FACE_ACTIONS.index(name)] = value
    return features


def looks(*faces: np.ndarray, ratio: float = 0.25) -> np.ndarray:
    return directions(np.stack(faces), ratio)


def counted(*faces: np.ndarray, settings: Gaze = SETTINGS) -> Looks:
    found = Looks(np.zeros((settings.bins,) * 2, int), np.zeros(settings.directions, int))
    found.add(np.stack(faces), settings)
    return found


def test_the_persons_left_is_the_pictures_right_and_both_eyes_are_averaged():
    left = face(eyeLookOutLeft=0.4, eyeLookInRight=0.2)
    right = face(eyeLookInLeft=0.4, eyeLookOutRight=0.2)
    up, down = face(eyeLookUpLeft=0.3, eyeLookUpRight=0.3), face(eyeLookDownLeft=0.1, eyeLookDownRight=0.3)
    assert looks(left, right, up, down) == pytest.approx(np.array([[0.3, 0], [-0.3, 0], [0, 0.3], [0, -0.2]]))


def test_closed_eyes_do_not_count():
    winking = face(eyeLookOutLeft=0.4, eyeLookInRight=0.2, eyeBlinkLeft=0.9)
    closed = face(eyeLookOutLeft=0.4, eyeBlinkLeft=0.76, eyeBlinkRight=0.76)
    just_open = face(eyeLookOutLeft=0.4, eyeBlinkLeft=0.75, eyeBlinkRight=0.75)
    found = looks(winking, closed, just_open)
    assert found[0] == pytest.approx([0.2, 0])  # of the right eye alone
    assert np.isnan(found[1]).all()
    assert found[2] == pytest.approx([0.2, 0])
    assert np.isfinite(looks(closed, ratio=0.2)).all()


def test_an_eye_that_is_not_known_is_not_straight_ahead():
    assert np.isnan(looks(face(eyeBlinkLeft=np.nan, eyeLookUpRight=np.nan))).all()


def test_sectors_are_centred_on_the_axes_and_counter_clockwise():
    angles = np.radians([0, 4.9, -4.9, 5.1, 90, 180, -180, 270, 354.9])
    assert sectors(np.stack([np.cos(angles), np.sin(angles)], axis=1), 36).tolist() == [0, 0, 0, 1, 9, 18, 18, 27, 35]


def test_every_frame_is_counted_once():
    faces = [face(), face(eyeLookOutLeft=0.3, eyeLookInRight=0.3), face(eyeLookUpLeft=0.9, eyeLookUpRight=0.9),
             face(eyeBlinkLeft=1, eyeBlinkRight=1)]  # fmt: skip
    found = counted(*faces)
    assert (found.frames, found.closed, found.outside, found.ahead) == (4, 1, 1, 1)
    assert found.heat.sum() == 2 and found.heat[50, 50] == 1 and found.heat[50, 80] == 1  # 0.3 of 0.5 to the right
    assert found.rose.sum() == 2 and found.rose[0] == 1 and found.rose[9] == 1
    assert found.heat.shape == (100, 100) and found.rose.shape == (36,)


def tables(folder, faces, valid=True):
    """Table of one camera's recording and of another video's, and their faces."""
    kept = {"kept": True, "reason": "", "detail": "", "left": "l", "right": "r", "left_dbfs": 0.0, "right_dbfs": 0.0}
    row = {"video_id": "v", "clip_id": "v_000", "dialogue_id": "d", "side": "right", "likeness": 0.0, **kept}
    write_table(folder / "sides.parquet", "sides", [row])
    rows = [
        {"clip_id": clip, "utterance_id": 0, "speaker": 1, "frame": i, "valid": valid, "reason": "", "confidence": 1.0,
         "features": one}
        for clip in ("v_000", "w_000") for i, one in enumerate(faces)
    ]  # fmt: skip
    write_table(folder / "face.parquet", "face", pd.DataFrame(rows))
    return [folder / "sides.parquet"], [folder / "face.parquet"]


def files(folder):
    return [folder / name for name in ("gaze.csv", "heat.csv", "rose.csv", "gaze.md", "gaze.png", "gaze.pdf")]


def test_only_recordings_are_looked_at(tmp_path):
    made = files(tmp_path)
    gaze(*tables(tmp_path, [face(eyeLookUpLeft=0.2, eyeLookUpRight=0.2)] * 3), {"face": "open_face"}, SETTINGS, *made)
    table = pd.read_csv(made[0]).set_index("camera")
    assert table.index.tolist() == ["all", "right"] and table["frames"].tolist() == [3, 3]
    assert table.loc["all", "mean y"] == pytest.approx(0.2)
    assert pd.read_csv(made[1])["frames"].tolist() == [3]
    rose = pd.read_csv(made[2])
    assert len(rose) == 36 and rose.loc[rose["frames"] > 0, "degrees"].tolist() == [90]
    assert Image.open(made[4]).width == 990 and made[5].read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("backend, valid", [("emoca", True), ("open_face", False)])
def test_faces_without_eyes_are_told_and_not_drawn_as_zero(tmp_path, backend, valid):
    made = files(tmp_path)
    gaze(*tables(tmp_path, [face()], valid), {"face": backend}, SETTINGS, *made)
    assert pd.read_csv(made[0])["frames"].tolist() == [0]
    assert pd.read_csv(made[1]).empty
    assert ("Not measured" in made[3].read_text()) == (backend == "emoca")
