import numpy as np
import pandas as pd
from speaker_scenes import mouths, track_table

from nonverbal.schema import TABLES, read_table, write_table
from nonverbal.speakers.crops import crops, speaker_rows, utterance_frames
from nonverbal.speakers.settings import Crops

SAID = [(0, 0, 0.0, 4.0), (1, 1, 4.2, 8.0), (2, 0, 8.4, 12.0), (3, 1, 12.1, 15.96)]
FRAMES = 400


def utterances() -> pd.DataFrame:
    rows = [
        {"clip_id": "c_000", "utterance_id": u, "speaker": s, "text": "", "start_s": a, "end_s": b, "words": 1}
        for u, s, a, b in SAID
    ]
    return pd.DataFrame(rows)


def scored(tracks: pd.DataFrame, person: dict[int, int]) -> pd.DataFrame:
    """Scores as they should be: person 1 says the utterances of speaker 0, person 0 those of speaker 1."""
    table = tracks[["clip_id", "track_id", "frame"]].assign(person=tracks["track_id"].map(person))
    time = (table["frame"] + 0.5) / 25
    talks = [any(a <= t < b and s == 1 - p for _, s, a, b in SAID) for t, p in zip(time, table["person"], strict=True)]
    speaks = np.where(talks, 1.0, -1.0)
    return table.assign(score=speaks, face=speaks, speaker=1 - table["person"], confidence=0.9)


def shots(*parts: tuple[int, int, int, float]) -> pd.DataFrame:
    """Tracks of (first frame, frames, kind, place)."""
    rng = np.random.default_rng(0)
    made = [track_table(i, f, mouths(np.zeros(n, bool), rng), kind, x) for i, (f, n, kind, x) in enumerate(parts)]
    return pd.concat(made, ignore_index=True)


def test_frames_of_utterances_follow_the_published_floor_and_end_with_the_clip():
    made = utterance_frames(utterances(), 390)
    spans = made.groupby("utterance_id")["frame"].agg(["min", "max"]).to_numpy().tolist()
    assert spans == [[0, 99], [105, 199], [210, 299], [302, 389]]
    assert utterance_frames(utterances().head(0), 390).empty


def test_in_a_wide_shot_each_speaker_gets_the_person_who_speaks():
    tracks = shots((0, FRAMES, 0, 80.0), (0, FRAMES, 1, 240.0))
    rows = speaker_rows(utterances(), tracks, scored(tracks, {0: 0, 1: 1}), FRAMES)
    assert set(zip(rows["speaker"], rows["track_id"], strict=True)) == {(0, 1), (1, 0)}
    assert rows["frame"].tolist() == utterance_frames(utterances(), FRAMES)["frame"].tolist()


def test_a_shot_of_the_listener_alone_has_no_row():
    tracks = shots((0, 150, 0, 80.0), (0, 150, 1, 240.0), (150, 250, 1, 160.0))
    rows = speaker_rows(utterances(), tracks, scored(tracks, {0: 0, 1: 1, 2: 1}), FRAMES)
    assert set(zip(rows["utterance_id"], rows["track_id"], strict=True)) == {(0, 1), (1, 0), (2, 2)}
    assert rows.loc[rows["utterance_id"] == 1, "frame"].max() == 149


def test_one_row_a_frame_of_an_utterance():
    tracks = shots((0, FRAMES, 0, 80.0), (0, FRAMES, 1, 240.0), (0, 100, 2, 160.0))
    rows = speaker_rows(utterances(), tracks, scored(tracks, {0: 0, 1: 1, 2: 2}), FRAMES)
    assert not rows.duplicated(["utterance_id", "frame"]).any()


def test_nobody_visible_no_row():
    nothing = TABLES["tracks"].empty_table().to_pandas()
    scores = TABLES["active_speaker"].empty_table().to_pandas()
    assert speaker_rows(utterances(), nothing, scores, FRAMES).empty


def test_the_rule_scales_boxes_within_the_picture(tmp_path):
    clip = {
        "clip_id": "c_000", "video_id": "c", "channel_id": "", "segment_id": 0, "start_s": 0.0, "end_s": 16.0,
        "frames": FRAMES, "width": 320, "height": 180, "video": "c.mp4", "audio": "c.wav", "loudness_dbfs": -20.0,
        "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    tracks = shots((0, FRAMES, 0, 80.0), (0, FRAMES, 1, 240.0))
    made = {
        "clips": [clip, clip | {"clip_id": "d_000"}], "utterances": utterances(), "tracks": tracks,
        "active_speaker": scored(tracks, {0: 0, 1: 1}),
        "keep_visible": [
            {"clip_id": "c_000", "kept": True, "reason": "", "detail": ""},
            {"clip_id": "d_000", "kept": False, "reason": "nobody_visible", "detail": ""},
        ],
    }  # fmt: skip
    for name, rows in made.items():
        write_table(tmp_path / f"{name}.parquet", name, rows)
    inputs = {name: tmp_path / f"{name}.parquet" for name in made}
    crops(**inputs, crops=tmp_path / "crops.parquet", settings=Crops(margin=1.5))
    rows = read_table(tmp_path / "crops.parquet", "crops")
    boxes = rows[rows["speaker"] == 0][["person_x0", "person_y0", "person_x1", "person_y1"]]
    assert boxes.drop_duplicates().to_numpy().tolist() == [[150, 0, 320, 180]]
    assert rows["face_x0"].isin([65, 225]).all() and set(rows["clip_id"]) == {"c_000"}
