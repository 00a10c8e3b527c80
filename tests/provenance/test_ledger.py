import pandas as pd
import pytest

from nonverbal.errors import UserError
from nonverbal.provenance.ledger import ledger
from nonverbal.schema import read_table


def test_one_row_an_artifact(finished):
    table = finished.results / "provenance/ledger.parquet"
    ledger([finished.results / "c/report.md"], table)
    rows = read_table(table, "ledger").set_index("path")
    assert rows.index.is_monotonic_increasing and len(rows) == 5
    row = rows.loc[str(finished.results / "b/doubled.txt")]
    assert row["rule"] == "doubled" and list(row["wildcards"]) == [{"name": "shard", "value": "00001"}]
    assert [i["name"] for i in row["inputs"]] == [str(finished.results / "a/numbers.txt")]
    assert row["inputs"][0]["sha256"] == rows.loc[str(finished.results / "a/numbers.txt"), "sha256"]
    assert [m["name"] for m in row["modules"]] == ["nonverbal/doubling.py"]
    assert row["seed"] == 3
    assert pd.Timestamp(0, tz="UTC") < row["started"] <= row["ended"]
    assert "pandas" in {package["name"] for package in row["packages"]}


def test_modules_digest_tells_code_apart(finished):
    table = finished.results / "provenance/ledger.parquet"
    ledger([], table)
    rows = read_table(table, "ledger")
    assert rows.groupby("rule")["modules_sha256"].nunique().eq(1).all()
    assert rows["modules_sha256"].nunique() == 4


def test_a_target_without_a_record_is_refused(finished):
    with pytest.raises(UserError, match="no run record claims"):
        ledger([finished.results / "never.csv"], finished.results / "provenance/ledger.parquet")
