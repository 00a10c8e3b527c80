import json
from pathlib import Path

import pandas as pd
import pytest

from nonverbal.paper.comparison import MISSING
from nonverbal.paper.inconsistencies import inconsistencies

PUBLISHED = [Path(__file__).resolve().parents[2] / "resources" / "paper" / f"table{table}.csv" for table in (1, 2, 4)]


def made(statistics, metrics, files) -> pd.DataFrame:
    inconsistencies(statistics, metrics, PUBLISHED, 600.0, 512, **files)
    return pd.read_csv(files["csv"], na_values=MISSING).set_index("claim")


def test_each_published_number_is_computed_from_the_others(statistics, mars_metrics, files):
    table = made(statistics, mars_metrics, files)
    assert table["computed"].to_dict() == pytest.approx(
        {
            "turns a dialogue": 1114328 / 89459, "hours": 89459 / 6, "speech within the hours": 1114328 * 55.305 / 3600,
            "nonverbal expressions": 547 * 1114328, "frames an utterance": 55.305 * 25,
            "frames an utterance in the training window": 547, "hours of YTD-18M": 300_000,
            "NLL-F, the lowest of four models": 6.238325, "models that lose METEOR by training": 3,
        }
    )  # fmt: skip
    assert table.loc["turns a dialogue", "stated"] == 21
    assert table.loc["turns a dialogue", "difference"] == pytest.approx(12.4563 - 21, abs=1e-4)
    assert table.loc["NLL-F, the lowest of four models", "stated"] == 7.295


def test_ours_is_computed_alike_and_agrees_with_itself(statistics, mars_metrics, files):
    table = made(statistics, mars_metrics, files)
    ours = table.loc["turns a dialogue", ["ours_stated", "ours_computed"]].tolist()
    assert ours[0] == pytest.approx(ours[1], abs=1e-3) and ours[1] == pytest.approx(84 / 18)
    assert table.loc["hours", "ours_stated"] == pytest.approx(3)
    assert table.loc["NLL-F, the lowest of four models", "ours_stated"] == 4
    text = files["md"].read_text()
    assert "| turns a dialogue | 21 | 12.456 | -8.5437 |" in text and "14,910 | 17,118.9 | 2,208.9" in text
    assert "tab:inconsistencies" in files["tex"].read_text()


def test_an_empty_run_has_the_papers_alone(statistics, mars_metrics, files):
    statistics.write_text(json.dumps(json.loads(statistics.read_text()) | {"turns": 0}))
    table = made(statistics, mars_metrics, files)
    assert table["ours_stated"].drop("NLL-F, the lowest of four models").drop(
        "frames an utterance in the training window"
    ).isna().all()  # fmt: skip
    assert table["computed"].notna().all()
