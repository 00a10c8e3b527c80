from pathlib import Path

import pandas as pd
import pytest

from nonverbal.dataset.funnel import FILTERS, ImbalanceError, as_text, check_balance, count, funnel
from nonverbal.schema import REASONS, TABLES, read_table, write_table


def decisions(name: str, **reasons: str) -> pd.DataFrame:
    """A decision table: unit -> reason ("" where it is kept); a clip's video is what comes before its underscore."""
    rows = [
        {TABLES[name].names[0]: unit, "kept": not why, "reason": why, "detail": ""} for unit, why in reasons.items()
    ]
    table = pd.DataFrame(rows)
    if name == "clips":
        table["video_id"] = table["clip_id"].str.split("_").str[0]
    for field in TABLES[name]:
        if field.name not in table:
            table[field.name] = "" if str(field.type) == "string" else 0
    return table[TABLES[name].names]


def tables() -> dict[str, pd.DataFrame]:
    duplicate = decisions("channels", a="duplicate")
    return {
        "sources": decisions("sources", one="", two="unreachable").assign(entries=[5, 0]),
        "channels": pd.concat([decisions("channels", a="", b="", c="", d=""), duplicate]),
        "keep_people": decisions("keep_people", a="", b="", c="no_people", d=""),
        "download": decisions("download", a="", b="not_found", d=""),
        "clips": decisions("clips", a_000="", a_001="", d_000="too_short"),
        "keep_two_speakers": decisions("keep_two_speakers", a_000="", a_001="one_speaker"),
        "keep_language": decisions("keep_language", a_000=""),
        "keep_visible": decisions("keep_visible", a_000=""),
        "keep_safe": decisions("keep_safe", a_000="harmful"),
    }


def test_a_balanced_funnel_is_written(tmp_path: Path) -> None:
    for name, table in tables().items():
        write_table(tmp_path / f"{name}.parquet", name, table)
    paths = {name: [tmp_path / f"{name}.parquet"] for name in tables()}
    funnel(**paths, funnel=tmp_path / "funnel.parquet")
    rows = read_table(tmp_path / "funnel.parquet", "funnel")
    assert rows["filter"].drop_duplicates().tolist() == [name for _, name, _ in FILTERS]
    totals = rows.groupby("filter", sort=False).agg({"in": "first", "kept": "first", "dropped": "sum"})
    assert (totals["in"] == totals["kept"] + totals["dropped"]).all()
    assert totals.loc["channels"].tolist() == [5, 4, 1]
    assert rows.loc[rows["filter"] == "keep_language", ["reason", "dropped"]].to_numpy().tolist() == [["", 0]]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("download", {"a": "", "b": "not_found"}, "kept by keep_people but not seen by download: d"),
        ("download", {"a": "", "b": "", "d": "", "e": ""}, "seen by download but not kept by keep_people.*: e"),
        ("clips", {"a_000": "", "a_001": ""}, "kept by download but not seen by clips: d"),
        ("clips", {"a_000": "", "a_001": "", "d_000": "too_short", "b_000": "too_short"}, "seen by clips.*: b"),
        ("keep_safe", {"a_000": "", "a_001": ""}, "seen by keep_safe but not kept by keep_visible.*: a_001"),
    ],
)
def test_what_appears_or_disappears_is_named(name: str, change: dict[str, str], message: str) -> None:
    with pytest.raises(ImbalanceError, match=message):
        check_balance(tables() | {name: decisions(name, **change)})


def test_a_listed_video_that_is_in_no_table_is_told() -> None:
    more = decisions("sources", one="").assign(entries=6)
    with pytest.raises(ImbalanceError, match="list 6 videos but channels has 5"):
        check_balance(tables() | {"sources": more})


def test_a_unit_counted_twice_is_named() -> None:
    twice = pd.concat([decisions("keep_language", a_000="")] * 2)
    with pytest.raises(ImbalanceError, match="a_000"):
        check_balance(tables() | {"keep_language": twice})


def test_a_drop_without_a_known_reason_is_named() -> None:
    with pytest.raises(ImbalanceError, match="keep_people drops for no known reason: c"):
        count("collect", "keep_people", "video", decisions("keep_people", a="", c="bored"))


def test_every_filter_with_reasons_is_in_the_funnel() -> None:
    elsewhere = {
        "sides", "side_turns", "script_lines",  # the studio's; clips tells the recordings' again
        "answers", "examples",  # what MARS learns from the dataset
        "published_records", "keep_records", "keep_utterances",  # in place of the dataset
    }  # fmt: skip
    assert {name for _, name, _ in FILTERS} == set(REASONS) - elsewhere


def test_the_console_table_has_a_line_a_filter() -> None:
    rows = [row for stage, name, unit in FILTERS for row in count(stage, name, unit, tables()[name])]
    lines = as_text(rows).splitlines()
    assert len(lines) == 1 + len(FILTERS)
    assert lines[5].split() == ["clips", "clip", "3", "2", "1", "too_short", "1"]
