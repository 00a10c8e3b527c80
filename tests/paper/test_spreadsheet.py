import csv

import pandas as pd
import pytest

from nonverbal.paper.comparison import Comparison
from nonverbal.paper.spreadsheet import inert

HOSTILE = ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", '\t=HYPERLINK("http://x")', "\r=1", "a\r=1"]


def written(text: str) -> str:
    return text.replace("\r", " ") if text.startswith("a") else "'" + text.replace("\r", " ")


@pytest.mark.parametrize("text", HOSTILE)
def test_formula_is_text_and_the_rest_is_as_it_was(text):
    table = pd.DataFrame({"word": [text, "plain", "a=b", "-1.5", "", None], "number": [-1.0, 2, 3, 4, 5, 6]})
    safe = inert(table)
    assert safe["word"].tolist()[:5] == [written(text), "plain", "a=b", "-1.5", ""]
    assert safe["number"].tolist() == table["number"].tolist() and table["word"][0] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_row_of_a_table_named_by_a_formula_is_written_as_text(text, tmp_path):
    columns = ["row", "group", "metric", "value", "scale", "unit", "note", "source"]
    paper = pd.DataFrame([("a", "g", "x", -0.5, 1.0, "m", "", "paper")], columns=columns)
    table = Comparison("t", "T", ("row", "group"), {"x": "X"}, paper, {(text, "g", "x"): -2.0}, [])
    table.write(*(tmp_path / f"t.{suffix}" for suffix in ("csv", "md", "tex")))
    with (tmp_path / "t.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["row"] for row in rows] == ["a", written(text)] and rows[1]["ours"] == "-2"
