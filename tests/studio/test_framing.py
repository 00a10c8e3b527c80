"""Areas and distances in closed form, the checks on them, and that nothing is measured twice."""

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from nonverbal.config import SCHEMA
from nonverbal.layouts import BODY_FEATURES, JOINTS
from nonverbal.schema import read_table, write_table
from nonverbal.studio.framing import LIMBS, area, framing, known_limbs, margins, measured
from nonverbal.studio.framing_check import framing_check, judged
from nonverbal.studio.settings import Framing, FramingCheck

STUDIO = yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())["studio"]
EVERY, CHECK = Framing.model_validate(STUDIO["framing"]), FramingCheck.model_validate(STUDIO["framing_check"])
CLIP = {"frames": 50, "width": 200, "height": 100}
WHOLE, SMALL = (50, 20, 70, 40), (100, 20, 110, 30)


def boxes(*rows):
    """Rows of `tracks`: (frame, face box, facing)."""
    return pd.DataFrame([
        {"frame": frame, "score": 0.9, "facing": facing, **corners("face", box), **corners("person", (0, 0, 200, 100))}
        for frame, box, facing in rows
    ], columns=["frame", "score", "facing", *corners("face", WHOLE), *corners("person", WHOLE)])  # fmt: skip


def corners(part, box):
    return dict(zip([f"{part}_{edge}" for edge in ("x0", "y0", "x1", "y1")], map(float, box), strict=True))


def bodies(*rows):
    return pd.DataFrame(
        [{"frame": frame, "valid": valid, "features": features} for frame, valid, features in rows],
        columns=["frame", "valid", "features"],
    )


def test_every_20th_frame_is_measured_and_no_other():
    found = measured(boxes((0, WHOLE, 0.1), (10, WHOLE, 0.1), (21, WHOLE, 0.1), (40, WHOLE, 0.1)), bodies(), CLIP, 20)
    assert EVERY.every == 20
    assert [(row["frame"], row["faces"]) for row in found] == [(0, 1), (20, 0), (40, 1)]


def test_area_and_margins_in_closed_form():
    assert area([50, 20, 70, 40], 200, 100) == pytest.approx(400 / 20000)
    assert area([-10, -10, 10, 10], 200, 100) == pytest.approx(100 / 20000)  # what lies outside does not count
    assert area([-30, 0, -10, 10], 200, 100) == 0
    found = margins([50, 20, 70, 120], "face", 200, 100)
    assert list(found.values()) == pytest.approx([0.25, 0.2, 0.65, -0.2])


def test_the_largest_face_is_the_actors():
    (row,) = measured(boxes((0, SMALL, 0.5), (0, WHOLE, np.nan)), bodies(), CLIP | {"frames": 1}, 20)
    assert (row["faces"], row["readable"], row["face_area"]) == (2, False, pytest.approx(0.02))


def test_limbs_are_known_by_their_own_numbers():
    features = np.full(BODY_FEATURES, np.nan, np.float32)
    features[3 * JOINTS.index("left_wrist") : 3 * JOINTS.index("left_wrist") + 3] = 0
    features[66:111] = 0
    assert known_limbs(features) == pytest.approx({"left_arm": 1 / 3, "right_arm": 0, "left_hand": 1, "right_hand": 0})
    rows = measured(boxes(), bodies((0, True, features), (20, False, features)), CLIP, 20)
    assert [row["left_hand"] for row in rows[:2]] == [1, 0] and np.isnan(rows[2]["left_hand"])  # silent in the third


def picture(**values):
    whole = {f"{part}_{edge}": 0.2 for part in ("face", "body") for edge in ("left", "top", "right", "bottom")}
    return {
        "clip_id": "v_000", "dialogue_id": "d", "side": "left", "frame": 0, "faces": 1, "readable": True,
        "face_area": 0.03, "body_area": 0.5, **whole, **dict.fromkeys(LIMBS, 1.0), **values,
    }  # fmt: skip


def test_each_fault_is_found_and_what_cannot_be_said_is_not():
    nowhere = {name: np.nan for name in picture() if name.startswith(("face_", "body_"))}
    rows = pd.DataFrame([
        picture(), picture(faces=0, readable=False, **nowhere), picture(faces=2), picture(readable=False),
        picture(face_top=0.0), picture(face_left=-0.1), picture(body_bottom=0.0), picture(body_right=0.004),
        picture(left_hand=0.4), picture(left_hand=np.nan),
        picture(**{name: np.nan for name in nowhere if name.startswith("body_")}),
    ])  # fmt: skip
    checks = judged(rows, CHECK)
    true = {name: np.flatnonzero(checks[name] == 1).tolist() for name in checks}
    assert true["no face"] == [1] and true["several faces"] == [2] and true["face not readable"] == [3]
    assert true["face cut"] == [4, 5] and true["face cut, top"] == [4] and true["face cut, left"] == [5]
    assert true["body cut"] == [7] and true["body cut, bottom"] == [6]  # seated actors are cut below
    assert true["left hand unknown"] == [8] and np.isnan(checks["left hand unknown"].iloc[9])
    assert np.isnan(checks["body cut"].iloc[10]) and checks["face cut"].iloc[10] == 0  # no person was found
    assert checks.iloc[1].drop(["no face", "several faces", *checks.filter(like="unknown")]).isna().all()


def names(folder):
    return [folder / f"check.{name}" for name in ("csv", "recordings", "md", "tex", "png", "pdf")]


@pytest.mark.parametrize("backend", ["mediapipe", "yolo"])
def test_the_table_says_shares_and_leaves_out_what_is_estimated(tmp_path, backend):
    rows = [
        picture(),
        picture(face_top=0.0, frame=20),
        picture(clip_id="w_000", side="right", faces=0, face_area=np.nan),
    ]
    write_table(tmp_path / "framing.parquet", "framing", rows)
    made = names(tmp_path)
    framing_check([tmp_path / "framing.parquet"], {"tracks": backend}, CHECK, *made)
    table = pd.read_csv(made[0]).set_index("check").apply(pd.to_numeric, errors="coerce")
    assert table.loc["pictures"].tolist() == [3, 2, 1] and table.loc["recordings"].tolist() == [2, 1, 1]
    assert table.loc["face cut (%)", "left"] == 50 and table.loc["no face (%)", "right"] == 100
    assert table.loc["face area, median (%)", "left"] == pytest.approx(3)
    assert np.isnan(table.loc["body cut (%)", "left"]) == (backend == "mediapipe")
    worst = pd.read_csv(made[1])
    assert worst["clip_id"].tolist() == ["w_000", "v_000"] and worst["face not whole"].tolist() == [1, 0.5]
    assert ("estimated around faces" in made[2].read_text()) == (backend == "mediapipe")
    assert Image.open(made[4]).width == 990 and made[5].read_bytes().startswith(b"%PDF")


def test_no_picture_at_all_is_drawn_empty(tmp_path):
    write_table(tmp_path / "framing.parquet", "framing", [])
    framing_check([tmp_path / "framing.parquet"], {"tracks": "yolo"}, CHECK, *names(tmp_path))
    assert pd.read_csv(names(tmp_path)[0]).set_index("check").loc["pictures"].tolist() == ["0", "0", "0"]


def test_recordings_that_were_never_followed_are_not_called_faceless(tmp_path):
    kept = {"kept": True, "reason": "", "detail": ""}
    recorded = {"left": "l", "right": "r", "left_dbfs": 0.0, "right_dbfs": 0.0, "likeness": 0.0, **kept}
    write_table(tmp_path / "sides.parquet", "sides", [
        {"video_id": video, "clip_id": f"{video}_000", "dialogue_id": "d", "side": "left", **recorded} for video in "vw"
    ])  # fmt: skip
    clip = {
        "channel_id": "d",
        "segment_id": 0,
        "start_s": 0.0,
        "end_s": 2.0,
        "video": "",
        "audio": "",
        "loudness_dbfs": 0.0,
    }
    write_table(tmp_path / "clips.parquet", "clips", [
        {"clip_id": f"{video}_000", "video_id": video, **clip, **CLIP, **kept} for video in "vw"
    ])  # fmt: skip
    decided = [{"clip_id": "v_000", **kept},
               {"clip_id": "w_000", "kept": False, "reason": "other_language", "detail": ""}]  # fmt: skip
    write_table(tmp_path / "keep.parquet", "keep_language", decided)
    tracked = boxes((0, WHOLE, 0.0)).assign(
        clip_id="v_000", shot=0, camera=0, track_id=0, mouth_open=0.0, descriptor=None
    )
    write_table(tmp_path / "tracks.parquet", "tracks", tracked)
    write_table(tmp_path / "body.parquet", "body", [])
    inputs = [tmp_path / f"{name}.parquet" for name in ("sides", "clips", "keep", "tracks", "body")]
    framing(*inputs, tmp_path / "framing.parquet", EVERY)
    rows = read_table(tmp_path / "framing.parquet", "framing")
    assert rows["clip_id"].tolist() == ["v_000"] * 3 and rows["faces"].tolist() == [1, 0, 0]
