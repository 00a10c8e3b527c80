import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.errors import UserError
from nonverbal.layouts import OPEN_FACE
from nonverbal.schema import read_table, write_table
from nonverbal.tokenizers.frames import check_leaks, find_runs, frames
from nonverbal.tokenizers.settings import Frames

SETTINGS = Frames(longest_gap=3, least_std=0.01)


def seen(*utterances: list[int]) -> pd.DataFrame:
    rows = [
        {"clip_id": "a_000", "utterance_id": i, "speaker": 0, "frame": frame}
        for i, numbers in enumerate(utterances)
        for frame in numbers
    ]
    return pd.DataFrame(rows, columns=["clip_id", "utterance_id", "speaker", "frame"])


def test_a_long_gap_ends_a_run_and_a_short_one_does_not() -> None:
    runs, places = find_runs(seen([5, 6, 10, 15, 16], [17]), longest_gap=3)
    assert runs[["utterance_id", "first_frame", "frames", "row"]].to_numpy().tolist() == [
        [0, 5, 6, 0], [0, 15, 2, 6], [1, 17, 1, 8],
    ]  # fmt: skip
    assert places.tolist() == [0, 1, 5, 6, 7, 8]


@given(st.lists(st.sets(st.integers(0, 80), min_size=1), max_size=5), st.integers(0, 7))
def test_runs_hold_every_seen_frame_once_and_no_long_gap(utterances: list[set[int]], longest_gap: int) -> None:
    table = seen(*[sorted(numbers) for numbers in utterances])
    runs, places = find_runs(table, longest_gap)
    assert len(set(places)) == len(places) == len(table)
    held = {}
    for run in runs.itertuples():
        held |= {run.row + i: (run.utterance_id, run.first_frame + i) for i in range(run.frames)}
    assert [held[place] for place in places] == list(zip(table["utterance_id"], table["frame"], strict=True))
    unseen = sorted(set(held) - set(places.tolist()))
    longest = max((len(part) for part in np.split(unseen, np.flatnonzero(np.diff(unseen) > 1) + 1)), default=0)
    assert longest <= longest_gap


def test_frames_out_of_order_are_an_error() -> None:
    with pytest.raises(ValueError, match="out of order in clip a_000"):
        find_runs(seen([3, 2]), longest_gap=3)


def cue_table(path: Path, clips: dict[str, float], invalid: int = -1) -> None:
    """Ten frames a clip; every number is the clip's level + its frame."""
    rows = []
    for clip_id, level in clips.items():
        for frame in range(10):
            features = np.full(OPEN_FACE.features, level + frame, np.float32)
            features[0] = np.nan if frame == 4 else features[0]
            rows.append({"clip_id": clip_id, "utterance_id": 0, "speaker": 1, "frame": frame, "valid": frame != invalid,
                         "reason": "", "confidence": 1.0, "features": features})  # fmt: skip
    write_table(path, "face", rows)


def run_frames(folder: Path, splits: dict[str, str], **tables: dict[str, float]) -> dict[str, Path]:
    split = [
        {"clip_id": clip_id, "video_id": clip_id, "channel_id": "c", "group": clip_id, "split": name}
        for clip_id, name in splits.items()
    ]
    write_table(folder / "split.parquet", "split", split)
    for name, clips in tables.items():
        cue_table(folder / f"{name}.parquet", clips, invalid=7)
    paths = {"frames": folder / "frames.npy", "index": folder / "index.parquet", "scale": folder / "scale.json"}
    cues = [folder / f"{name}.parquet" for name in tables]
    frames("face", cues, folder / "split.parquet", **paths, settings=SETTINGS, backend="open_face")
    return paths


def test_the_array_holds_what_the_tables_say(tmp_path: Path) -> None:
    paths = run_frames(tmp_path, {"a": "train", "c": "test"}, one={"a": 0.0, "dropped": 50.0}, two={"c": 100.0})
    array, index = np.load(paths["frames"]), read_table(paths["index"], "sequences_index")
    assert array.shape == (20, OPEN_FACE.dim)
    assert index[["clip_id", "row", "frames", "speaker", "split"]].to_numpy().tolist() == [
        ["a", 0, 10, 1, "train"], ["c", 10, 10, 1, "test"],
    ]  # fmt: skip
    expected = np.arange(10, dtype=np.float32)
    expected[7] = np.nan  # not valid
    np.testing.assert_array_equal(array[:10, 1], expected)
    np.testing.assert_array_equal(array[10:, -1], expected + 100)
    assert np.isnan(array[4, 0])


@pytest.mark.parametrize("rows", [1, 3, 10, 15])
def test_how_many_rows_are_read_at_a_time_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    clips = {"a": 0.0, "dropped": 50.0, "b": 100.0}
    splits = {"a": "train", "b": "test"}
    paths = run_frames(tmp_path, splits, one=clips)
    whole = {name: path.read_bytes() for name, path in paths.items()}
    monkeypatch.setattr("nonverbal.tokenizers.frames.BATCH_ROWS", rows)
    assert {name: path.read_bytes() for name, path in run_frames(tmp_path, splits, one=clips).items()} == whole


def test_the_scale_is_of_the_training_split_alone(tmp_path: Path) -> None:
    paths = run_frames(tmp_path, {"a": "train", "c": "test"}, one={"a": 0.0, "c": 100.0})
    scale = json.loads(paths["scale"].read_text())
    known = np.delete(np.arange(10.0), 7)
    assert scale["mean"][1] == pytest.approx(known.mean())
    assert scale["mean"][0] == pytest.approx(np.delete(known, 4).mean())
    assert scale["std"][48:] == pytest.approx([known.std()] * 3)  # the jaw
    assert len(set(scale["std"][:48])) == 1
    assert scale["layout"] == "open_face"


def test_numbers_that_hardly_vary_are_not_blown_up(tmp_path: Path) -> None:
    write_table(tmp_path / "split.parquet", "split", [
        {"clip_id": "a", "video_id": "a", "channel_id": "c", "group": "a", "split": "train"}
    ])  # fmt: skip
    rows = [{"clip_id": "a", "utterance_id": 0, "speaker": 0, "frame": i, "valid": True, "reason": "",
             "confidence": 1.0, "features": np.full(156, 1e-4 * (i % 2), np.float32)} for i in range(4)]  # fmt: skip
    write_table(tmp_path / "face.parquet", "face", rows)
    paths = {"frames": tmp_path / "f.npy", "index": tmp_path / "i.parquet", "scale": tmp_path / "s.json"}
    cues = [tmp_path / "face.parquet"]
    frames("face", cues, tmp_path / "split.parquet", **paths, settings=SETTINGS, backend="open_face")
    assert json.loads(paths["scale"].read_text())["std"] == [0.01] * OPEN_FACE.dim


def test_nobody_to_learn_from_is_told_in_a_sentence(tmp_path: Path) -> None:
    told = (
        r"none of the 1 kept clips .* has a face to learn from; .* dataset/funnel/ .* lower config keys dataset\.split"
    )
    with pytest.raises(UserError, match=told):
        run_frames(tmp_path, {"a": "test"}, one={"a": 0.0})


def test_a_group_in_two_splits_is_an_error_and_a_divided_channel_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    clips = pd.DataFrame(
        [("a_0", "a", "c", "video:a", "train"), ("b_0", "b", "c", "video:b", "test")],
        columns=["clip_id", "video_id", "channel_id", "group", "split"],
    )
    with caplog.at_level(logging.WARNING, "nonverbal"):
        check_leaks(clips)
    assert "1 of 1 channels are in more than one split" in caplog.text
    with pytest.raises(UserError, match="person:p is in 2 splits"):
        check_leaks(clips.assign(group="person:p"))
