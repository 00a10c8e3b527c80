import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.schema import read_table, write_table
from nonverbal.speakers.keep_visible import decide, keep_visible
from nonverbal.speakers.settings import KeepVisible

ON, OFF = KeepVisible(enabled=True, frames_per_word=1), KeepVisible(enabled=False, frames_per_word=1)


def row(words: int, speaking: int, tracks: int) -> dict:
    row = {"clip_id": "c_000", "words": words, "speaking_frames": speaking, "frames": 250, "tracks": tracks}
    return row | {"speakers_seen": 2, "disagreement": 0.1, "confidence": 0.9}


@pytest.mark.parametrize(
    "words, speaking, tracks, reason",
    [
        (20, 20, 1, ""), (20, 19, 1, "speakers_not_visible"), (20, 0, 0, "nobody_visible"), (0, 0, 0, "nobody_visible"),
        (0, 0, 2, "speakers_not_visible"), (0, 1, 1, ""),
    ],
)  # fmt: skip
def test_decisions(words, speaking, tracks, reason):
    decision = decide(row(words, speaking, tracks), ON)
    assert (decision["reason"], decision["kept"]) == (reason, not reason)
    assert decision["detail"]


@given(st.integers(0, 500), st.integers(0, 250), st.integers(0, 5))
def test_the_filter_off_keeps_all_and_a_stricter_one_keeps_no_more(words, speaking, tracks):
    strict = KeepVisible(enabled=True, frames_per_word=5)
    one = row(words, speaking if tracks else 0, tracks)
    assert decide(one, OFF)["kept"]
    assert not (decide(one, strict)["kept"] and not decide(one, ON)["kept"])


def test_one_row_a_clip(tmp_path):
    rows = [row(10, 100, 2), row(10, 0, 0) | {"clip_id": "d_000"}]
    write_table(tmp_path / "visibility.parquet", "visibility", rows)
    keep_visible(tmp_path / "visibility.parquet", tmp_path / "keep.parquet", ON)
    table = read_table(tmp_path / "keep.parquet", "keep_visible")
    assert table[["clip_id", "kept"]].to_numpy().tolist() == [["c_000", True], ["d_000", False]]
