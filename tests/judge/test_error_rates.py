"""Error rates: known numbers, intervals that cover the truth as often as they say, agreement by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nonverbal.judge.error_rates import agreement, consensus, error_rates, joined, limits, rate_table
from nonverbal.schema import write_table


def sample_of(strata: dict[tuple[bool, str], int], question: str = "safe") -> pd.DataFrame:
    """So many drawn units of each stratum; keys count on."""
    rows = [{"question": question, "kept": kept, "reason": reason} for (kept, reason), n in strata.items()
            for _ in range(n)]  # fmt: skip
    table = pd.DataFrame(rows).assign(key=[f"{i:012x}" for i in range(len(rows))])
    return table.assign(rank=table.groupby(["kept", "reason"]).cumcount())


def strata_of(sizes: dict[tuple[bool, str], int], drawn: dict[tuple[bool, str], int]) -> pd.DataFrame:
    return pd.DataFrame([
        {"question": "safe", "ask": "?", "kept": kept, "reason": reason, "units": units, "drawn": drawn[kept, reason]}
        for (kept, reason), units in sizes.items()
    ])  # fmt: skip


def said(pairs: list[tuple[str, str, str]], question: str = "safe") -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["annotator", "key", "verdict"]).assign(question=question)


def test_of_an_endless_stratum_the_limits_are_clopper_and_pearsons():
    for wrong, judged in ((0, 20), (3, 20), (20, 20), (7, 11)):
        exact = stats.binomtest(wrong, judged).proportion_ci(0.95, method="exact")
        assert limits(wrong, judged, 10**6, 0.95) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_where_all_units_are_judged_nothing_is_left_to_chance():
    assert limits(2, 8, 8, 0.95) == (0.25, 0.25)
    assert limits(0, 1, 1, 0.95) == (0, 0)
    assert limits(3, 100, 103, 0.95) == (3 / 103, 4 / 103)  # three are known to be wrong
    wide, narrow = (np.diff(limits(2, 8, units, 0.95))[0] for units in (800, 10))
    assert narrow < wide / 2
    assert np.isnan(limits(0, 0, 5, 0.95)).all()


def test_strata_count_by_their_size_and_one_without_errors_adds_doubt():
    strata = pd.DataFrame({"units": [900, 100], "rate": [0.0, 0.5], "low": [0.0, 0.2], "high": [0.1, 0.8]})
    rate, low, high = joined(strata)
    assert rate == pytest.approx(0.05)
    assert low == pytest.approx(0.05 - 0.1 * 0.3)
    assert high == pytest.approx(0.05 + np.hypot(0.9 * 0.1, 0.1 * 0.3))


# Populations of three strata with known errors: (units, wrong, drawn).
POPULATIONS = {
    "rare in the largest": [(5000, 50, 60), (300, 60, 40), (40, 30, 40)],
    "none in one": [(2000, 0, 50), (500, 100, 50), (100, 5, 25)],
    "common": [(800, 240, 50), (400, 200, 50), (90, 9, 30)],
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_intervals_cover_the_true_rate_of_a_population(name):
    rng, population = np.random.default_rng(1), POPULATIONS[name]
    truth = sum(wrong for _, wrong, _ in population) / sum(units for units, _, _ in population)
    known = [[limits(found, drawn, units, 0.95) for found in range(drawn + 1)] for units, _, drawn in population]
    covered, rates = [], []
    for _ in range(400):
        found = [int(rng.hypergeometric(wrong, units - wrong, drawn)) for units, wrong, drawn in population]
        low, high = np.transpose([own[n] for own, n in zip(known, found, strict=True)])
        shares = [n / drawn for n, (_, _, drawn) in zip(found, population, strict=True)]
        strata = pd.DataFrame(
            {"units": [units for units, _, _ in population], "rate": shares, "low": low, "high": high}
        )
        rate, low, high = joined(strata)
        covered.append(low <= truth <= high)
        rates.append(rate)
    assert np.mean(covered) >= 0.94
    assert np.mean(rates) == pytest.approx(truth, abs=3 * np.std(rates) / 20)  # unbiased


def test_wrong_keeps_and_wrong_drops_are_told_apart_with_their_weights():
    sizes = {(True, ""): 1000, (False, "a"): 90, (False, "b"): 10}
    drawn = {(True, ""): 10, (False, "a"): 10, (False, "b"): 5}
    sample = sample_of(drawn)
    verdicts = ["no"] * 2 + ["yes"] * 7 + ["unsure"] + ["yes"] * 1 + ["no"] * 9 + ["yes"] * 5
    table = rate_table(sample, strata_of(sizes, drawn), said([("p", k, v) for k, v in zip(sample["key"], verdicts,
                       strict=True)]), 0.95).set_index(["error", "stratum"])  # fmt: skip
    keeps = table.loc[("false keeps", "kept")]
    assert (keeps["judged"], keeps["wrong"], keeps["unsure"]) == (9, 2, 1)
    assert keeps["of_all"] == pytest.approx(1000 * 2 / 9)
    assert table.loc[("false drops", "all reasons"), "rate"] == pytest.approx(0.9 * 0.1 + 0.1 * 1.0)
    assert table.loc[("false drops", "all reasons"), "of_all"] == pytest.approx(19)


def test_a_stratum_that_nobody_judged_has_no_rate_and_spoils_none():
    sizes = {(False, "a"): 90, (False, "b"): 10}
    drawn = {(False, "a"): 4, (False, "b"): 4}
    sample = sample_of(drawn)
    known = said([("p", key, "no") for key in sample["key"][:4]])
    table = rate_table(sample, strata_of(sizes, drawn), known, 0.95).set_index("stratum")
    assert np.isnan(table.loc["b", "rate"])
    assert table.loc["all reasons", ["units", "judged", "rate"]].tolist() == [90, 4, 0]


def test_units_that_were_passed_over_are_counted():
    strata = {(False, "a"): 90, (False, "b"): 10}
    drawn = {(False, "a"): 6, (False, "b"): 4}
    sample = sample_of(drawn)
    known = said([("p", sample["key"][i], verdict) for i, verdict in ((0, "no"), (3, "unsure"), (6, "yes"), (7, "no"))])
    table = rate_table(sample, strata_of(strata, drawn), known, 0.95).set_index("stratum")
    assert table["passed_over"].to_dict() == {"a": 2, "b": 0, "all reasons": 2}


def test_the_majority_counts_and_a_tie_is_unsure():
    known = said([(p, "k1", v) for p, v in zip("abc", ("yes", "no", "yes"), strict=True)]
                 + [("a", "k2", "yes"), ("b", "k2", "no"), ("a", "k3", "unsure"), ("b", "k3", "no")])  # fmt: skip
    assert consensus(known).to_dict() == {"k1": "yes", "k2": "unsure", "k3": "no"}


def test_agreement_is_krippendorffs_and_cohens():
    one, other = "yynnynyynn", "yynnynynny"
    word = {"y": "yes", "n": "no"}
    known = said([(p, str(i), word[v]) for p, all in (("a", one), ("b", other)) for i, v in enumerate(all)]
                 + [("a", "alone", "no")])  # fmt: skip
    whole, pair = agreement(known).to_dict("records")
    assert (whole["people"], whole["units"], whole["same"]) == ("all 2", 10, pytest.approx(0.8))
    assert pair["kappa"] == pytest.approx((0.8 - 0.5) / (1 - 0.5))
    # nominal alpha: 1 - observed / expected disagreement, 20 values, 10 of each: 0.2 / (2 * 10 * 10 / (20 * 19))
    assert whole["alpha"] == pytest.approx(1 - 0.2 / (200 / 380))


def test_people_who_say_the_same_of_everything_tell_nothing_of_agreement():
    known = said([(p, str(i), "yes") for p in "ab" for i in range(4)])
    whole, pair = agreement(known).to_dict("records")
    assert whole["same"] == 1
    assert np.isnan(whole["alpha"])
    assert np.isnan(pair["kappa"])


def test_tables_and_figure_are_made_with_and_without_judgements(results, tmp_path):
    units = results / "judge/draw/units.parquet"
    keys = pd.read_parquet(units)["key"]
    (tmp_path / "ada.jsonl").write_text(
        "".join(json.dumps({"key": k, "verdict": "no"}) + "\n" for k in [*keys, "ffff"])
    )
    for name, files in (("none", []), ("one", [tmp_path / "ada.jsonl"])):
        out = {kind: tmp_path / f"{name}_{kind}" for kind in ("csv", "agreement_csv")}
        out |= {kind: tmp_path / f"{name}.{kind}" for kind in ("md", "png", "pdf")}
        error_rates(units, results / "judge/draw/strata.parquet", files, **out, confidence=0.95)
        table = pd.read_csv(out["csv"], keep_default_na=False)
        assert set(table["rate"].astype(str)) == ({"not available"} if name == "none" else {"0", "1"})
        assert out["png"].stat().st_size > 2000
    assert "1 judgements are of units that this sample does not hold" in (tmp_path / "one.md").read_text()


def test_a_sample_without_units_has_an_empty_table(tmp_path):
    for name in ("judge_units", "judge_strata"):
        write_table(tmp_path / name, name, [])
    out = {kind: tmp_path / f"x.{kind}" for kind in ("csv", "agreement_csv", "md", "png", "pdf")}
    error_rates(tmp_path / "judge_units", tmp_path / "judge_strata", [], **out, confidence=0.95)
    assert len(out["csv"].read_text().splitlines()) == 1
