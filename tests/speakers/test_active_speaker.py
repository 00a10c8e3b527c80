from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from speaker_scenes import mouths, track_table

from nonverbal.schema import TABLES, as_table, read_table, write_table
from nonverbal.speakers.active_speaker import active_speaker, load_faces
from nonverbal.speakers.joint import decide
from nonverbal.speakers.motion import mouth_motion

FRAMES = 500
TURNS = [(0, 0.0, 3.0), (1, 3.4, 6.0), (0, 6.2, 9.0), (1, 9.5, 13.0), (0, 13.2, 16.0), (1, 16.4, 19.6)]


def turns(names=(0, 1)) -> pd.DataFrame:
    rows = [{"clip_id": "c_000", "speaker": names[k], "start_s": a, "end_s": b} for k, a, b in TURNS]
    return pd.DataFrame(rows)


def speech() -> np.ndarray:
    time = (np.arange(FRAMES) + 0.5) / 25
    return np.array([[any(a <= t < b for k, a, b in TURNS if k == who) for t in time] for who in (0, 1)])


def motion_scores(rows, said, frames, settings) -> pd.DataFrame:
    """Table `active_speaker`, by mouths and turns."""
    faces = load_faces(settings, Path(), [])
    return decide(rows, faces.scores({}, rows), faces.levels, said, frames, settings.same_person)[0]


def wide_shot(rng: np.random.Generator) -> pd.DataFrame:
    """Two persons in one shot: track 0 is speaker 1, track 1 is speaker 0."""
    talks = speech()
    return pd.concat(
        [track_table(0, 0, mouths(talks[1], rng), 0, 80), track_table(1, 0, mouths(talks[0], rng), 1, 240)],
        ignore_index=True,
    )


def accuracy(rows: pd.DataFrame, speaker_of_track: dict[int, int]) -> float:
    truth = speech()[rows["track_id"].map(speaker_of_track), rows["frame"]]
    return float(((rows["score"] > 0) == truth).mean())


@pytest.mark.parametrize("names", [(0, 1), (1, 0), (7, 3)])
def test_each_face_follows_the_speaker_it_belongs_to_whatever_the_speakers_are_called(names, speaking):
    rows = motion_scores(wide_shot(np.random.default_rng(1)), turns(names), FRAMES, speaking)
    as_table("active_speaker", rows)
    assert accuracy(rows, {0: 1, 1: 0}) > 0.98
    assert rows.groupby("track_id")["person"].unique().str[0].tolist() == [0, 1]


def test_single_shots_of_whoever_speaks_belong_to_two_persons(speaking):
    talks, rng = speech(), np.random.default_rng(2)
    cuts = [0, 75, 155, 230, 330, 405, 500]
    shots = [track_table(i, a, mouths(talks[i % 2, a:b], rng), i % 2, 160) for i, (a, b) in enumerate(pairwise(cuts))]
    rows = motion_scores(pd.concat(shots, ignore_index=True), turns(), FRAMES, speaking)
    assert rows.groupby("track_id")["person"].first().tolist() == [0, 1] * 3
    assert accuracy(rows, {i: i % 2 for i in range(6)}) > 0.95


def test_a_mouth_that_rests_overrules_a_turn(speaking):
    rows = wide_shot(np.random.default_rng(3))
    still = (rows["track_id"] == 1) & rows["frame"].between(330, 400)
    rows.loc[still, "mouth_open"] = 0.02
    scored = motion_scores(rows, turns(), FRAMES, speaking)
    assert (scored.loc[still & rows["frame"].between(340, 390), "score"] < 0).all()


def test_a_turn_counts_where_the_mouth_is_hidden(speaking):
    rows = wide_shot(np.random.default_rng(4))
    hidden = (rows["track_id"] == 1) & rows["frame"].between(330, 400)
    rows.loc[hidden, "mouth_open"] = np.nan
    assert (
        motion_scores(rows, turns(), FRAMES, speaking).loc[hidden & rows["frame"].between(335, 395), "score"] > 0
    ).all()


def test_a_bystander_is_no_speaker(speaking):
    rng = np.random.default_rng(5)
    bystander = track_table(2, 0, mouths(np.zeros(FRAMES, bool), rng), 2, 300)
    rows = motion_scores(pd.concat([wide_shot(rng), bystander], ignore_index=True), turns(), FRAMES, speaking)
    assert (rows.loc[rows["track_id"] == 2, "score"] <= 0).all()
    assert accuracy(rows[rows["track_id"] < 2], {0: 1, 1: 0}) > 0.98


def test_nobody_speaks_while_there_is_no_speech(speaking):
    rows = motion_scores(wide_shot(np.random.default_rng(6)), turns().head(0), FRAMES, speaking)
    assert (rows["score"] <= 0.5).all() and len(rows) == 2 * FRAMES


def test_no_tracks_no_scores(speaking):
    nothing = TABLES["tracks"].empty_table().to_pandas()
    assert motion_scores(nothing, turns(), FRAMES, speaking).empty


def test_motion_is_of_the_window_alone_and_unknown_where_the_mouth_is():
    opening = np.r_[np.full(50, 0.1), 0.1 + 0.1 * np.sin(np.arange(50)), np.full(50, np.nan)]
    motion = mouth_motion(pd.DataFrame({"track_id": 0, "mouth_open": opening}), 15).to_numpy()
    assert (motion[:40] < -1).all() and (motion[60:90] > 0.4).all() and np.isnan(motion[110:]).all()


def test_the_rule_counts_words_and_frames_in_which_a_speaker_is_seen(tmp_path, speaking):
    clip = {
        "clip_id": "c_000", "video_id": "c", "channel_id": "", "segment_id": 0, "start_s": 0.0, "end_s": 20.0,
        "frames": FRAMES, "width": 320, "height": 180, "video": "c.mp4", "audio": "c.wav", "loudness_dbfs": -20.0,
        "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    word = {
        "clip_id": "c_000", "utterance_id": 0, "word_index": 0, "speaker": 0, "word": "a", "start_s": 0.0, "end_s": 0.1,
        "interpolated": False,
    }  # fmt: skip
    (tmp_path / "media").mkdir()
    made = {
        "clips": [clip, clip | {"clip_id": "d_000"}], "words": [word] * 3, "turns": turns(),
        "keep_language": [{"clip_id": c, "kept": True, "reason": "", "detail": ""} for c in ("c_000", "d_000")],
        "tracks": wide_shot(np.random.default_rng(7)),
    }  # fmt: skip
    for name, rows in made.items():
        write_table(tmp_path / f"{name}.parquet", name, rows)
    inputs = {name: tmp_path / f"{name}.parquet" for name in made}
    scores, visibility = tmp_path / "out" / "active_speaker.parquet", tmp_path / "out" / "visibility.parquet"
    active_speaker(
        **inputs, media=tmp_path / "media", models=[], active_speaker=scores, visibility=visibility, settings=speaking
    )
    rows = read_table(visibility, "visibility").set_index("clip_id")
    assert rows.loc["c_000", ["words", "frames", "tracks"]].tolist() == [3, FRAMES, 2]
    speaks = speech().any(axis=0).sum()
    assert abs(rows.loc["c_000", "speaking_frames"] - speaks) < 0.03 * speaks
    assert rows.loc["d_000"].tolist()[:5] == [0, 0, FRAMES, 0, 0] and rows.loc["d_000"].isna().sum() == 2
    assert rows.loc["c_000", "speakers_seen"] == 2 and rows.loc["c_000", "disagreement"] < 0.1
    table = read_table(scores, "active_speaker")
    assert table.loc[table["score"] > 0, "frame"].nunique() == rows.loc["c_000", "speaking_frames"]
