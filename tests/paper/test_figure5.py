from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nonverbal.paper.cloud import cloud
from nonverbal.paper.comparison import MISSING
from nonverbal.paper.figure5 import figure5, topics
from nonverbal.paper.settings import Figure5
from nonverbal.schema import write_table

PUBLISHED = Path(__file__).resolve().parents[2] / "resources" / "paper" / "figure5.csv"
KINDS = ("csv", "md", "tex", "png", "pdf")
TITLES = [
    "Interview with a baker", "Interview: the baker's bread", "Season recap", "Life of trains", "Night trains",
    "Trains again", "$(rm -rf ~) <b>interview</b> \\end{x} 100 % $x$", "日本の夜 recap",
]  # fmt: skip


def made(tmp_path: Path, titles: list[str], name: str = "f") -> pd.DataFrame:
    ids = [f"video{number:06d}" for number in range(len(titles))]
    row = {"channel_id": "c", "url": "", "uploaded": "", "duration_s": 1.0, "thumbnail_url": "", "detail": ""}
    listed = [row | {"video_id": one, "title": title} for one, title in zip(ids, titles, strict=True)]
    kept = [one | {"kept": True, "reason": ""} for one in listed]
    dropped = {**row, "video_id": "other", "title": "interview interview", "kept": True, "reason": ""}
    write_table(tmp_path / "channels.parquet", "channels", [*kept, dropped])
    clips = [
        {"clip_id": f"{one}_{part:03d}", "video_id": one, "channel_id": "c", "group": "g", "split": "train"}
        for one in ids
        for part in range(2)
    ]
    write_table(tmp_path / "split.parquet", "split", clips)
    files = [tmp_path / f"{name}.{kind}" for kind in KINDS]
    paths = (tmp_path / "channels.parquet", tmp_path / "split.parquet", PUBLISHED)
    figure5(*paths, Figure5(words=40, topics=3), 7, *files)
    return pd.read_csv(files[0], na_values=MISSING).set_index(["row", "group"])


def test_shares_are_of_the_datasets_titles_beside_the_published(tmp_path):
    table = made(tmp_path, TITLES)
    interview = table.loc[("interview", "word")]
    assert interview[["published", "ours", "difference"]].tolist() == pytest.approx([6.64, 37.5, 30.86])
    assert table.loc[("recap", "word"), "ours"] == 25 and table.loc[("life", "word"), "ours"] == 12.5
    assert table.xs("topic", level="group")["ours"].sum() == pytest.approx(100)
    assert "inferred" in (tmp_path / "f.md").read_text()


def test_figure_is_the_same_again_and_hostile_titles_stay_text(tmp_path):
    for name in ("one", "two"):
        made(tmp_path, TITLES, name)
    for kind in KINDS:
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert r"\end{x}" not in (tmp_path / "one.tex").read_text()


@pytest.mark.parametrize("titles", [[], ["the and of"], ["12 34_5"], ["日本"]])
def test_titles_without_a_word_to_write_are_no_failure(tmp_path, titles):
    table = made(tmp_path, titles)
    assert (table["published"].notna()).sum() == 3 and (tmp_path / "f.png").stat().st_size > 5_000
    if titles != ["日本"]:
        assert table["ours"].isna().all()


def test_titles_of_two_kinds_are_two_topics():
    found = topics(["red apple", "green apple", "apple pie", "fast train", "night train", "train ride"], 2, seed=0)
    assert found.shares.tolist() == [0.5, 0.5] and found.words["apple"] == found.words["train"] == 0.5
    assert found.topic_of["pie"] == found.topic_of["apple"] != found.topic_of["train"]
    assert {"apple" in name for name in found.names} == {True, False}


def test_a_cloud_is_as_large_as_asked_in_the_colours_asked_and_leaves_what_it_cannot_write():
    picture = cloud({"word": 2.0, "another": 1.0, "日本": 9.0, "x" * 300: 3.0}, 2.0, 1.0, lambda _: "#0072B2", seed=1)
    assert picture is not None and picture.shape == (300, 600, 3)
    assert (picture.reshape(-1, 3) == (0x00, 0x72, 0xB2)).all(axis=1).sum() > 1000
    assert np.array_equal(
        picture, cloud({"word": 2.0, "another": 1.0, "x" * 300: 3.0}, 2.0, 1.0, lambda _: "#0072B2", seed=1)
    )
    assert cloud({"日本": 1.0}, 2.0, 1.0, str, seed=1) is None
