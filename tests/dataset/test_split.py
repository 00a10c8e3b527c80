import logging
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.dataset.settings import Split
from nonverbal.dataset.split import assign, choose_groups, group_by, split
from nonverbal.errors import UserError
from nonverbal.schema import read_table, write_table

SHARES = {"train": 0.7, "test": 0.2, "validation": 0.1}
SETTINGS = Split(validation=0.1, test=0.2, by="channel", persons=None)


def clips(*videos: tuple[str, str, int]) -> pd.DataFrame:
    """Clips of (video, channel, number of clips)."""
    rows = [
        {"clip_id": f"{video}_{i:03d}", "video_id": video, "channel_id": channel}
        for video, channel, number in videos
        for i in range(number)
    ]
    return pd.DataFrame(rows)


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 50), min_size=1), st.integers(0, 5))
def test_every_group_has_one_split_and_none_is_empty(sizes: dict[str, int], seed: int) -> None:
    chosen = assign(sizes, SHARES, seed)
    assert set(chosen) == set(sizes)
    assert set(chosen.values()) == set(("train", "test", "validation")[: len(sizes)])
    assert chosen == assign(dict(reversed(sizes.items())), SHARES, seed)


def test_many_groups_come_close_to_the_shares() -> None:
    sizes = {f"c{i}": 1 + i % 7 for i in range(200)}
    chosen = assign(sizes, SHARES, seed=0)
    for name, share in SHARES.items():
        part = sum(size for group, size in sizes.items() if chosen[group] == name) / sum(sizes.values())
        assert abs(part - share) < 0.01


def test_a_split_of_share_zero_is_not_made() -> None:
    chosen = assign({"a": 1, "b": 1, "c": 1, "d": 1}, {"train": 0.8, "test": 0.2, "validation": 0.0}, seed=0)
    assert set(chosen.values()) == {"train", "test"}


def test_channels_that_share_a_person_are_one_group() -> None:
    table = clips(("v1", "c1", 2), ("v2", "c2", 1), ("v3", "c3", 1), ("v4", "c4", 1))
    persons = pd.DataFrame({"video_id": ["v1", "v2", "v2", "v3", "v4"], "person": ["Ann", "Ann", "Bob", "Bob", "Cy"]})
    groups = group_by(table, "channel", persons)
    assert groups.tolist() == ["channel:c1"] * 4 + ["channel:c4"]
    assert group_by(table, "channel", None).nunique() == 4


def test_too_few_channels_fall_back_to_videos_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    table = clips(("v1", "c1", 2), ("v2", "c1", 2), ("v3", "c2", 2))
    with caplog.at_level(logging.WARNING, "nonverbal"):
        groups = choose_groups(table, None, "channel", splits=3)
    assert groups.tolist() == ["video:v1"] * 2 + ["video:v2"] * 2 + ["video:v3"] * 2
    assert "2 group(s) by channel cannot fill 3 splits; dividing by video" in caplog.text


def test_enough_channels_are_never_divided(caplog: pytest.LogCaptureFixture) -> None:
    table = clips(("v1", "c1", 2), ("v2", "c2", 2), ("v3", "c3", 2), ("v4", "c3", 1))
    groups = choose_groups(table, None, "channel", splits=3)
    assert set(groups) == {"channel:c1", "channel:c2", "channel:c3"}
    assert not caplog.text


def run_split(folder: Path, table: pd.DataFrame, persons: list[Path] | None = None) -> pd.DataFrame:
    rows = table.assign(
        segment_id=0, start_s=0.0, end_s=1.0, frames=25, width=2, height=2, video="", audio="", loudness_dbfs=0.0,
        kept=True, reason="", detail="",
    )  # fmt: skip
    write_table(folder / "clips.parquet", "clips", rows)
    write_table(folder / "keep_safe.parquet", "keep_safe", rows[["clip_id", "kept", "reason", "detail"]])
    split([folder / "clips.parquet"], [folder / "keep_safe.parquet"], persons or [], folder / "s.parquet", SETTINGS, 1)
    return read_table(folder / "s.parquet", "split")


def test_one_video_is_divided_by_clip(tmp_path: Path) -> None:
    table = run_split(tmp_path, clips(("v1", "c1", 5)))
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table["clip_id"].is_monotonic_increasing


def test_one_clip_is_for_training_and_none_is_an_empty_table(tmp_path: Path) -> None:
    assert run_split(tmp_path, clips(("v1", "c1", 1)))["split"].tolist() == ["train"]
    empty = clips(("v1", "c1", 1)).head(0)
    assert len(run_split(tmp_path, empty)) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"video,person\nv1,Ann\n", "columns video_id, person"),
        (b"", "no CSV in UTF-8"),
        (b"\xff\xfe", "no CSV in UTF-8"),
    ],
)
def test_a_persons_file_that_is_none_is_told_in_a_sentence(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "persons.csv").write_bytes(text)
    with pytest.raises(UserError, match=rf"dataset\.split\.persons.*{said}"):
        run_split(tmp_path, clips(("v1", "c1", 1)), [tmp_path / "persons.csv"])
