from itertools import islice

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaker_scenes import HEIGHT, WIDTH, ScriptedFaces, face, numbered, scene

from nonverbal.media import VideoWriter, decode_frames
from nonverbal.schema import as_table, read_table, write_table
from nonverbal.speakers.descriptor import Colours
from nonverbal.speakers.faces import MediapipeFaces
from nonverbal.speakers.settings import Tracks
from nonverbal.speakers.tracks import follow_faces, track_rows, tracks

SETTINGS = Tracks(
    backend="mediapipe", lowest_score=0.6, detect_every=1, least_overlap=0.3, longest_gap=3, shortest_track=4,
    shot_change=0.1, shot_change_ratio=4, same_camera=0.8, descriptor="embedded",
)  # fmt: skip


def follow(script, meshed=None, frames=None, lower=0.0, **changes) -> pd.DataFrame:
    """Table `tracks` of a script: a list a frame of (face box, score)."""
    pictures = [numbered(picture, i) for i, picture in enumerate(frames or [scene(0)] * len(script))]
    finder = ScriptedFaces(script, meshed or {}, lower)
    found = follow_faces(pictures, finder, Colours(), SETTINGS.model_copy(update=changes))
    rows = track_rows("c_000", found, WIDTH, HEIGHT)
    as_table("tracks", rows)
    return rows.assign(detected=rows["frame"].isin(finder.asked))


def test_two_faces_make_two_tracks_from_left_to_right():
    rows = follow([[(face(220 + i), 0.8), (face(80), 0.9)] for i in range(8)])
    assert rows.groupby("track_id")["frame"].apply(list).tolist() == [list(range(8))] * 2
    assert rows.groupby("track_id")["face_x0"].first().tolist() == [65, 205]
    assert rows["mouth_open"].tolist() == [0.1] * 16


def test_a_gap_is_filled_and_marked():
    script = [[(face(80), 0.9)]] * 4 + [[]] * 2 + [[(face(86), 0.9)]] * 4
    rows = follow(script)
    assert rows["track_id"].unique().tolist() == [0] and rows["frame"].tolist() == list(range(10))
    assert rows.loc[[4, 5], "score"].tolist() == [0, 0] and rows.loc[[4, 5], "mouth_open"].isna().all()
    assert rows.loc[[4, 5], "face_x0"].tolist() == pytest.approx([67, 69])
    assert np.allclose([np.linalg.norm(d) for d in rows["descriptor"].dropna()], 1, atol=1e-6)


def test_a_longer_gap_ends_the_track_and_a_shorter_track_is_dropped():
    rows = follow([[(face(80), 0.9)]] * 4 + [[]] * 4 + [[(face(80), 0.9)]] * 5 + [[]] * 6 + [[(face(80), 0.9)]] * 3)
    assert rows.groupby("track_id")["frame"].agg(["min", "max"]).to_numpy().tolist() == [[0, 3], [8, 12]]


def test_weak_detections_are_ignored():
    assert follow([[(face(80), 0.5)]] * 8).empty


def test_no_track_crosses_a_cut_even_at_the_same_place():
    rows = follow([[(face(80), 0.9)]] * 16, frames=[scene(1)] * 8 + [scene(2)] * 8)
    assert rows.groupby("track_id")["frame"].agg(["min", "max"]).to_numpy().tolist() == [[0, 7], [8, 15]]


def test_the_mesh_carries_a_face_that_the_detector_loses():
    script = [[(face(80), 0.9)]] * 4 + [[]] * 6 + [[(face(80), 0.9)]] * 4
    rows = follow(script, meshed={frame: [face(80 + 2)] for frame in range(4, 10)})
    assert rows["track_id"].unique().tolist() == [0]
    assert (rows.loc[4:9, "score"] == 0).all() and (rows.loc[4:9, "mouth_open"] == 0.1).all()


def test_a_lost_face_is_not_found_again_in_its_neighbour():
    script = [[(face(80), 0.9), (face(93), 0.9)]] * 6 + [[(face(93), 0.9)]] * 10
    rows = follow(script)
    assert rows.groupby("track_id")["frame"].max().tolist() == [5, 15]


def test_between_detections_the_mesh_follows_and_boxes_do_not_jump():
    script = [[(face(80 + 2 * i), 0.9)] for i in range(21)]
    rows = follow(script, detect_every=5, lower=6)
    assert rows["frame"].tolist() == list(range(21)) and rows.loc[rows["detected"], "frame"].tolist() == [
        0,
        5,
        10,
        15,
        20,
    ]
    assert np.allclose(rows["face_x0"], [65 + 2 * i for i in range(21)])
    assert np.allclose(rows["face_y0"], 45) and (rows["score"] == 0.9).all()
    assert (rows["mouth_open"] == 0.1).all()


def test_a_face_that_nobody_sees_between_detections_is_interpolated():
    script = [[(face(80 + 2 * i), 0.9)] if i % 5 == 0 else [] for i in range(11)]
    rows = follow(script, detect_every=5)
    assert np.allclose(rows["face_x0"], [65 + 2 * i for i in range(11)])
    assert rows["mouth_open"].notna().tolist() == rows["detected"].tolist() == (rows["score"] > 0).tolist()


def test_each_shot_begins_with_a_detection():
    rows = follow([[(face(80), 0.9)]] * 17, frames=[scene(1)] * 7 + [scene(2)] * 10, detect_every=5)
    assert rows.loc[rows["detected"], "frame"].tolist() == [0, 5, 7, 12]
    assert rows.groupby("shot")["frame"].agg(["min", "max"]).to_numpy().tolist() == [[0, 6], [7, 16]]


def test_a_person_is_described_a_few_times_a_second():
    rows = follow([[(face(80), 0.9)]] * 30, detect_every=5)
    assert rows.loc[rows["descriptor"].notna(), "frame"].tolist() == [0, 15]


def test_cuts_every_other_frame_make_no_track():
    flashes = [scene(i // 2) for i in range(40)]
    assert follow([[(face(80), 0.9)]] * 40, frames=flashes, detect_every=5, shortest_track=10).empty


def test_ten_faces_are_ten_tracks():
    rows = follow([[(face(16 + 32 * k, size=20), 0.9) for k in range(10)]] * 12, detect_every=5)
    assert rows.groupby("track_id")["frame"].count().tolist() == [12] * 10
    assert rows.groupby("track_id")["face_x0"].first().tolist() == [6 + 32 * k for k in range(10)]


def test_one_frame_is_too_short_for_a_track():
    assert follow([[(face(80), 0.9)]], detect_every=1).empty


paths = st.lists(
    st.tuples(st.floats(40, 280), st.floats(-3, 3), st.lists(st.booleans(), min_size=20, max_size=20)), max_size=3
)


@given(paths)
@settings(max_examples=30, deadline=None)
def test_any_faces_make_tracks_without_holes_or_doubles(people):
    script = [[(face(x + v * t), 0.9) for x, v, there in people if there[t]] for t in range(20)]
    rows = follow(script)
    for _, track in rows.groupby("track_id"):
        frames = track["frame"].tolist()
        assert frames == list(range(frames[0], frames[-1] + 1))
        assert track["score"].iloc[[0, -1]].min() > 0 and (track["score"] > 0).sum() >= SETTINGS.shortest_track
    detected = sum(map(len, script))
    assert (rows["score"] > 0).sum() <= detected
    assert (rows["face_x0"] >= 0).all() and (rows["face_x1"] <= WIDTH).all()


def clip_row(clip_id: str, frames: int) -> dict:
    return {
        "clip_id": clip_id, "video_id": "v", "channel_id": "c", "segment_id": 0, "start_s": 0.0, "end_s": frames / 25,
        "frames": frames, "width": WIDTH, "height": HEIGHT, "video": f"{clip_id}.mp4", "audio": f"{clip_id}.wav",
        "loudness_dbfs": -20.0, "kept": True, "reason": "", "detail": "",
    }  # fmt: skip


def test_the_rule_looks_at_kept_clips_only_and_a_clip_without_faces_has_no_rows(tmp_path, tracking):
    with VideoWriter(tmp_path / "a_000.mp4", WIDTH, HEIGHT) as writer:
        for _ in range(5):
            writer.write(scene(0))
    write_table(tmp_path / "clips.parquet", "clips", [clip_row("a_000", 5), clip_row("b_000", 5)])
    decisions = [
        {"clip_id": "a_000", "kept": True, "reason": "", "detail": ""},
        {"clip_id": "b_000", "kept": False, "reason": "other_language", "detail": ""},  # its video does not even exist
    ]
    write_table(tmp_path / "keep_language.parquet", "keep_language", decisions)
    tracks(
        tmp_path / "clips.parquet", tmp_path, tmp_path / "keep_language.parquet", tmp_path / "t.parquet", tracking, []
    )
    assert read_table(tmp_path / "t.parquet", "tracks").empty


def real_tracks(path, first: int, last: int) -> pd.DataFrame:
    frames = list(islice(decode_frames(path), first, last))
    found = follow_faces(frames, MediapipeFaces(SETTINGS.lowest_score), Colours(), SETTINGS)
    return track_rows("c_000", found, frames[0].shape[1], frames[0].shape[0])


def test_two_women_at_a_table_are_two_tracks_that_stay_on_their_sides(shared_media):
    rows = real_tracks(shared_media / "two_women_mandarin_50s.mp4", 185, 255)
    sides = rows.assign(right=rows["face_x0"] > 180).groupby("track_id")["right"].agg(["min", "max", "size"])
    assert (sides["min"] == sides["max"]).all()
    assert (rows.groupby(rows["face_x0"] > 180).size() >= 68).all()
    assert rows["mouth_open"].notna().mean() > 0.9
    spread = rows.groupby(rows["face_x0"] > 180)["mouth_open"].std()
    assert spread[False] > 4 * spread[True]  # the one on the left speaks, the other listens


def test_a_torso_without_a_face_makes_no_track(shared_media):
    assert real_tracks(shared_media / "torso_no_face_23s.mp4", 0, 50).empty


def test_an_animated_film_is_looked_at_without_a_fault(shared_media):
    rows = real_tracks(shared_media / "sintel_10s.mp4", 0, 60)
    assert (rows["person_x1"] <= 854).all() and (rows["person_y1"] <= 480).all()


def test_a_frame_of_one_colour_has_no_face():
    boxes, scores = MediapipeFaces(0.6).detect(np.full((90, 160, 3), 127, dtype=np.uint8))
    assert boxes.shape == (0, 4) and scores.shape == (0,)
    assert MediapipeFaces(0.6).mouth(np.zeros((90, 160, 3), dtype=np.uint8), np.array([200.0, 10, 230, 40])) is None


@pytest.mark.parametrize("height, width", [(16, 16), (640, 360), (90, 1280)])
def test_tiny_portrait_and_very_wide_frames_are_looked_at_without_a_fault(height, width):
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    finder = MediapipeFaces(SETTINGS.lowest_score)
    rows = track_rows("c_000", follow_faces([noise] * 6, finder, Colours(), SETTINGS), width, height)
    assert rows.empty
    finder.mouth(noise, np.array([0.0, 0, 2, 2]))  # a face of two pixels


def test_a_clip_without_frames_has_no_tracks():
    assert follow([]).empty
