import math
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.paper.comparison import MISSING, Comparison, number, published
from nonverbal.paper.markup import Block, latex, markdown
from nonverbal.paper.stand_ins import notes

PUBLISHED = Path(__file__).resolve().parents[2] / "resources" / "paper"
PAPER = pd.DataFrame(
    [
        ("A", "g", "x", 0.5, 0.1, "m", "", "paper"),
        ("A", "g", "y", 3.0, 1.0, "words", "counted twice", "paper"),
        ("B", "g", "x", 0.7, 0.1, "m", "", "paper"),
    ],
    columns=["row", "group", "metric", "value", "scale", "unit", "note", "source"],
)


def comparison(ours: dict) -> Comparison:
    return Comparison("t", "Title", ("row", "group"), {"x": "X", "y": "Y", "z": "Z"}, PAPER, ours, ["A note."])


@pytest.mark.parametrize("table", [1, 2, 3, 4])
def test_published_numbers_are_tidy(table):
    numbers = published(PUBLISHED / f"table{table}.csv")
    assert not numbers.duplicated(["row", "group", "metric"]).any()
    assert numbers["unit"].ne("").all() and numbers["source"].str.endswith(f"table {table}").all()
    assert numbers["scale"].map(lambda scale: math.log10(scale).is_integer()).all()
    assert numbers.groupby("metric")[["unit", "scale"]].nunique().eq(1).all(axis=None)


@pytest.mark.parametrize(
    ("table", "row", "group", "metric", "value"),
    [
        (1, "VENUS (Kim et al. 2025)", "conversation", "hours", 14910),
        (2, "VENUS", "", "unique_words", 527270),
        (3, "Ours", "ours", "face_vmse", 0.05106),
        (3, "Ours", "ours", "body_wvl2", 0.2027e-4),
        (4, "LLaMA 3.2 1B", "MARS", "nll_face", 8.676),
    ],
)
def test_published_numbers_in_their_units(table, row, group, metric, value):
    numbers = published(PUBLISHED / f"table{table}.csv").set_index(["row", "group", "metric"]).loc[(row, group, metric)]
    assert numbers["value"] * numbers["scale"] == pytest.approx(value)


def test_difference_is_ours_minus_published_in_the_unit():
    table = comparison({("A", "g", "x"): 0.08}).tidy().set_index(["row", "metric"])
    assert table.loc[("A", "x"), "published"] == pytest.approx(0.05)
    assert table.loc[("A", "x"), "difference"] == pytest.approx(0.03)
    assert math.isnan(table.loc[("B", "x"), "ours"]) and math.isnan(table.loc[("B", "x"), "difference"])


def test_what_is_missing_says_so_and_is_never_zero(files):
    comparison({("A", "g", "x"): None, ("A", "g", "y"): 0.0, ("C", "h", "z"): None}).write(**files)
    table = pd.read_csv(files["csv"], keep_default_na=False).set_index(["row", "metric"])
    assert tuple(table.loc[("A", "x"), ["ours", "difference"]]) == (MISSING, MISSING)
    assert tuple(table.loc[("A", "y"), ["ours", "difference"]]) == ("0", "-3")
    assert tuple(table.loc[("C", "z"), ["published", "ours"]]) == (MISSING, MISSING)
    assert "| A | g | X (10⁻¹ m) | 0.5 | not available | not available |" in files["md"].read_text()


def test_three_blocks_hold_each_number_once(files):
    comparison({("A", "g", "x"): 0.08, ("A", "g", "z"): 4.0}).write(**files)
    text = files["md"].read_text()
    assert "| A | g | X (10⁻¹ m) | 0.5 | 0.8 | +0.3 |" in text
    assert "## Ours, not published\n\n| row | group | Z |" in text and "| A | g | 4 |" in text
    assert "## Published, not run here" in text and "| B | g | 0.7 | – |" in text
    assert text.endswith("## Notes\n\n* A note.\n* A, Y: counted twice.\n")


def test_an_unpublished_row_of_a_published_metric_has_its_scale(files):
    comparison({("C", "g", "x"): 0.2}).write(**files)
    assert "| row | group | X (10⁻¹ m) |" in files["md"].read_text() and "| C | g | 2 |" in files["md"].read_text()


def test_many_metrics_of_few_rows_are_turned():
    ours = {("A", "g", f"m{i}"): float(i) for i in range(9)}
    labels = {f"m{i}": f"M{i}" for i in range(9)} | {"x": "X", "y": "Y"}
    block = next(
        b for b in Comparison("t", "T", ("row", "group"), labels, PAPER, ours, []).blocks() if "Ours, not" in b[0]
    )
    assert block.header == ["metric", "A"] and block.rows[3] == ["M3", "3"]


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_numbers_keep_four_digits(value):
    shown = float(number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=5.1e-4)
    assert value == 0 or number(value) != "0"


def test_numbers_as_people_read_them():
    assert [number(v) for v in (1114328, 12.4567, 5427.1, 4.02e-7, -3.0)] == [
        "1,114,328", "12.46", "5,427.1", "4.02e-07", "-3",
    ]  # fmt: skip
    assert number(float("nan")) == MISSING
    assert (number(1, "yes (1) or no (0)"), number(0, "yes (1) or no (0)")) == ("yes", "no")


def test_latex_escapes_what_it_must():
    text = latex("t", "50 % of a_b", [Block("h & i", ["a", "b"], [["x_1 #2", "-3"], ["10^-7 m^2", "4"]])], ["~{\\}^"])
    assert r"50 \% of a\_b." in text and r"h \& i" in text
    assert r"x\_1 \#2 & $-$3 \\" in text and r"10$^{-7}$ m$^{2}$ & 4 \\" in text
    assert r"\textasciitilde{}\{\textbackslash{}\}\textasciicircum{}" in text
    for opened in ("tabular", "table"):
        assert len(re.findall(rf"\\begin{{{opened}}}", text)) == len(re.findall(rf"\\end{{{opened}}}", text)) == 1
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]


def test_markdown_aligns_numbers_and_drops_empty_columns():
    text = markdown("T", [Block("h", ["name", "", "n"], [["a|b", "", "1"], ["c", "", "not available"]])], [])
    assert "| name | n |\n| --- | ---: |\n| a\\|b | 1 |\n" in text


def test_only_stand_ins_are_noted():
    assert notes({"face": "emoca", "body": "osx"}) == []
    (note,) = notes({"face": "open_face", "body": "osx"})
    assert "not FLAME" in note and "OSX" not in note
