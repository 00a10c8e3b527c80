from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nonverbal.layouts import FACE_FEATURES, OPEN_FACE
from nonverbal.paper.comparison import MISSING
from nonverbal.paper.figure6 import figure6, folded, representative, words_of
from nonverbal.paper.meshes import medoid, motion_of_frames
from nonverbal.paper.settings import Figure6
from nonverbal.schema import write_table

PUBLISHED = Path(__file__).resolve().parents[2] / "resources" / "paper" / "figure6.csv"
KINDS = ("csv", "md", "tex", "png", "pdf")
SETTINGS = Figure6(words=10, faces=2, neutral_within=0.05)
TEXTS = {"v_000": ("A lovely day.", 0.8), "v_001": ("A dreadful $day$ </b> 日本", -0.7), "v_002": ("The table.", 0.0)}


def scores(texts: dict[str, tuple[str, float]] = TEXTS) -> pd.DataFrame:
    rows = [
        {
            "clip_id": clip, "utterance_id": 0, "sentence": 0, "text": text, "start_s": 0.0, "end_s": 1.0,
            "negative": np.nan, "neutral": np.nan, "positive": np.nan, "valence": valence, "backend": "vader",
        }
        for clip, (text, valence) in texts.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def face_rows(clips: list[str]) -> list[dict]:
    features = np.full((20, FACE_FEATURES), np.nan, np.float32)
    features[:, OPEN_FACE.index] = 0.1
    features[:, slice(*OPEN_FACE.groups["global"])] = 0
    features[:, 0] = np.linspace(0, 1, 20)
    return [
        {"clip_id": clip, "utterance_id": 0, "speaker": 0, "frame": frame, "valid": True, "reason": "",
         "confidence": 1.0, "features": features[frame]}
        for clip in clips
        for frame in range(20)
    ]  # fmt: skip


def made(tmp_path: Path, table: pd.DataFrame, name: str = "f") -> pd.DataFrame:
    write_table(tmp_path / "sentiment.parquet", "sentiment", table)
    write_table(tmp_path / "face.parquet", "face", face_rows(["v_000", "v_001"]))
    clips = [{"clip_id": clip, "video_id": "v", "channel_id": "c", "group": "g", "split": "train"} for clip in TEXTS]
    write_table(tmp_path / "split.parquet", "split", clips)
    files = [tmp_path / f"{name}.{kind}" for kind in KINDS]
    inputs = ([tmp_path / "sentiment.parquet"], [tmp_path / "face.parquet"], tmp_path / "split.parquet", PUBLISHED)
    figure6(*inputs, SETTINGS, 7, {"sentiment": "vader", "face": "open_face"}, tmp_path / "models", *files)
    return pd.read_csv(files[0], na_values=MISSING).set_index("row")


def test_shares_of_the_datasets_sentences_are_beside_the_published_and_the_bytes_the_same(tmp_path):
    other = scores({"w_000": ("Great, not of the dataset.", 0.9)})
    for name in ("one", "two"):
        table = made(tmp_path, pd.concat([scores(), other]), name)
    assert table["ours"].to_dict() == pytest.approx(dict.fromkeys(("negative", "neutral", "positive"), 100 / 3))
    assert table.loc["neutral", "difference"] == pytest.approx(100 / 3 - 63.79)
    assert "by VADER" in (tmp_path / "one.md").read_text() and "3 sentences" in (tmp_path / "one.md").read_text()
    for kind in KINDS:
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_no_sentence_is_not_available(tmp_path):
    table = made(tmp_path, scores().head(0))
    assert table["ours"].isna().all() and (tmp_path / "f.png").stat().st_size > 5_000


def test_the_face_of_a_sentence_is_of_its_middle_frame_and_of_the_strongest(tmp_path):
    write_table(tmp_path / "face.parquet", "face", face_rows(["v_000", "v_001"]))
    rows = scores({"v_000": ("Nice.", 0.4), "v_001": ("Splendid.", 0.9), "v_002": ("Unseen.", 1.0)}).assign(shard=0)
    found = representative(rows, "positive", [tmp_path / "face.parquet"], 1)
    assert [one.text for one in found] == ["Splendid."] and found[0].features[0] == pytest.approx(9 / 19, abs=0.06)
    assert medoid(np.array([[0.0, np.nan], [1.0, 1.0], [5.0, 2.0]])) == 1


def test_words_count_sentences_and_stop_words_do_not():
    assert words_of(["the cat and the cat", "a cat sat"], 5) == {"cat": 2, "sat": 1}
    assert words_of(["the"], 5) == {} and words_of([], 5) == {}


def test_long_sentences_are_folded_and_cut():
    assert folded("one two three", 7, 3) == ["one two", "three"]
    lines = folded("word " * 30, 10, 3)
    assert len(lines) == 3 and lines[-1].endswith("…") and max(map(len, lines)) <= 10
    assert folded("", 10, 3) == [""] and len(folded("x" * 99, 10, 3)[0]) == 10


def test_a_face_alone_is_known_and_a_body_that_is_not_trained_is_at_rest():
    face = np.full((2, FACE_FEATURES), np.nan)
    face[:, OPEN_FACE.index] = 0.2
    motion = motion_of_frames(face=face)
    assert all(known.all() for known in motion.known.values()) and motion.layout is OPEN_FACE
