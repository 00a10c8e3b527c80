from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nonverbal.paper.algorithm1 import NOBODY, algorithm1, cosine, take
from nonverbal.paper.settings import Algorithm1
from nonverbal.schema import TABLES, write_table

A, B = [1.0, 0.0], [0.0, 1.0]
BOX = {f"{which}_{corner}": 1.0 for which in ("face", "person") for corner in ("x0", "y0", "x1", "y1")}


def tables(tmp_path: Path, frames: dict[int, list[int]], clip: str = "a_000") -> dict[str, list[Path]]:
    """Words of speaker 0 at these frames, each with the tracks that are seen; ours takes track 0 where it is seen."""
    seen = [(frame, track) for frame, tracks in frames.items() for track in tracks]
    key = {"clip_id": clip}
    rows = {
        "tracks": [
            key | BOX | {"shot": 0, "camera": 0, "track_id": track, "frame": frame, "score": 1.0, "mouth_open": 0.0,
                         "facing": 0.0, "descriptor": [A, B][track] if frame == min(frames) else None}
            for frame, track in seen
        ],
        "active_speaker": [
            key | {"track_id": track, "frame": frame, "score": 1.0 - track, "person": track, "face": 0.0, "speaker": 0,
                   "confidence": 1.0}
            for frame, track in seen
        ],
        "crops": [
            key | BOX | {"utterance_id": 0, "speaker": 0, "frame": frame, "track_id": 0, "score": 1.0}
            for frame, track in seen if track == 0
        ],
        "words": [
            key | {"utterance_id": 0, "word_index": number, "speaker": 0, "word": "w", "start_s": frame / 25,
                   "end_s": frame / 25 + 0.1, "interpolated": False}
            for number, frame in enumerate(frames)
        ],
        "split": [key | {"video_id": "a", "channel_id": "c", "group": "g", "split": "train"}],
    }  # fmt: skip
    for name, table in rows.items():
        write_table(tmp_path / f"{name}.parquet", name, table or TABLES[name].empty_table())
    return {name: [tmp_path / f"{name}.parquet"] for name in ("words", "tracks", "active_speaker", "crops")}


def made(tmp_path: Path, paths: dict, name: str = "f", clips: int = 9) -> pd.DataFrame:
    files = {kind: tmp_path / f"{name}.{kind}" for kind in ("csv", "md", "png", "pdf")}
    algorithm1(**paths, split=tmp_path / "split.parquet", settings=Algorithm1(clips=clips), seed=1, **files)
    return pd.read_csv(files["csv"])


def test_the_only_person_is_taken_and_an_early_mistake_is_carried_on(tmp_path):
    # both are described in frame 10: track 0 speaks; in 20 the listener is alone, and is kept when both are seen in 30
    table = made(tmp_path, tables(tmp_path, {10: [0, 1], 20: [1], 30: [0, 1], 40: []}))
    assert table["published_track"].tolist() == [0, 1, 1, NOBODY]
    assert table["our_track"].tolist() == [0, NOBODY, 0, NOBODY]
    assert table["same"].tolist() == [True, False, False, True]
    assert table["likeness"][2] == pytest.approx(1) and table["second_likeness"][2] == pytest.approx(0)
    text = (tmp_path / "f.md").read_text()
    assert "| two or more: the likest | 2 | 50.0 | 1 | 0 |" in text and "| nobody is seen | 1 | 25.0 | 1 | 1 |" in text


def test_of_two_the_likest_is_taken():
    rows = pd.DataFrame({"track_id": [0, 1], "score_of": [0.1, 0.9], "descriptor": [A, B]})
    assert take(rows, np.array(A))[0]["track_id"] == 0 and take(rows, np.array([0.1, 1]))[0]["track_id"] == 1
    assert take(rows, None)[0]["track_id"] == 1 and take(None, None)[0] is None
    assert take(rows.assign(descriptor=None), np.array(A))[0] is not None
    assert cosine(np.array([3.0, 0]), np.array([1.0, 1])) == pytest.approx(0.5**0.5)


def test_figure_is_the_same_again(tmp_path):
    paths = tables(tmp_path, {frame: [0, 1] for frame in range(0, 100, 5)})
    for name in ("one", "two"):
        made(tmp_path, paths, name)
    for kind in ("csv", "md", "png", "pdf"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_a_run_without_clips_says_so(tmp_path):
    paths = tables(tmp_path, {10: [0]})
    write_table(tmp_path / "split.parquet", "split", TABLES["split"].empty_table())
    assert len(made(tmp_path, paths)) == 0 and "not available" in (tmp_path / "f.md").read_text()


def test_words_while_nobody_was_ever_seen_are_drawn(tmp_path):
    table = made(tmp_path, tables(tmp_path, {10: [], 20: []}))
    assert table["persons"].tolist() == [0, 0] and table["same"].all()
