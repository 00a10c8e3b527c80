"""How often the filters are wrong, by the judgement of people: rates of false keeps and false drops, with intervals.

A rate of one stratum (the kept units, or those dropped for one reason) has the exact interval of Clopper and Pearson
(1934), with the hypergeometric distribution of a draw without replacement. Strata are weighted by their size and their
limits joined by the method of variance estimates recovery (MOVER: Zou and Donner 2008), which stays sound where a
stratum has no error in its sample.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from nltk.metrics.agreement import AnnotationTask
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from nonverbal.judge.judgements import VERDICTS, read_all
from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, markdown
from nonverbal.paper.style import COLUMN, GREY, INK, MARKERS, PALETTE, new_figure, save
from nonverbal.schema import read_table

KINDS = ("false keeps", "false drops")
ALL = "all reasons"
RATES = [
    "question",
    "error",
    "stratum",
    "units",
    "drawn",
    "judged",
    "unsure",
    "passed_over",
    "wrong",
    "rate",
    "low",
    "high",
    "of_all",
]
NOTES = [
    "false keeps: of the kept units, those that people would drop; false drops: of the dropped, those they would keep.",
    "units: in all; drawn: at random; judged: with more people saying yes than no, or the other way; unsure: other "
    "units that were seen, which count for nothing; wrong: of the judged.",
    "passed_over: drawn before the last one that was seen, and seen by nobody: their media are gone, or a changed "
    "threshold drew them later. The others need not be a random sample of the stratum: judge these first.",
    "rate: share of all units, strata weighted by their size; of_all: rate times units. low, high: {confidence:.0%} "
    "interval, Clopper-Pearson's for a draw without replacement, strata joined by MOVER.",
    "A stratum in which nothing is judged has no rate, and the rate of all reasons leaves it and its units out.",
    "alpha: Krippendorff's, over yes, no and unsure, of the units that two or more people judged; kappa: Cohen's.",
]


def error_rates(
    units: Path, strata: Path, judgements: list[Path], csv: Path, agreement_csv: Path, md: Path, png: Path, pdf: Path,
    confidence: float,
) -> None:  # fmt: skip
    """Write the tables and the figure; where nobody has judged yet, they say so.

    Args:
        units, strata: tables judge_units and judge_strata.
        judgements: files of people's judgements.
        csv, agreement_csv, md, png, pdf: files to write.
        confidence: of the intervals.
    """
    said = read_all(judgements)
    sample = read_table(units, "judge_units")
    known = said.merge(sample[["key", "question"]], on="key")
    rates = rate_table(sample, read_table(strata, "judge_strata"), known, confidence)
    agreed = agreement(known)
    for table, path in ((rates, csv), (agreed, agreement_csv)):
        table.to_csv(path, index=False, na_rep=MISSING, float_format="%.6g", lineterminator="\n")
    blocks = [block for block in (_block("Error rates", rates), _block("Agreement", agreed)) if block.rows]
    notes = [note.format(confidence=confidence) for note in NOTES]
    if len(known) < len(said):
        notes.append(f"{len(said) - len(known)} judgements are of units that this sample does not hold.")
    md.write_text(markdown("How often the filters are wrong", blocks, notes), "utf-8")
    draw_rates(rates, png, pdf)


def _block(heading: str, table: pd.DataFrame) -> Block:
    rows = [
        [number(value) if isinstance(value, float | int) else str(value) for value in row] for row in table.to_numpy()
    ]
    return Block(heading, list(table.columns), rows)


def consensus(known: pd.DataFrame) -> pd.Series:
    """By key: yes or no where more people said that, else unsure."""
    score = known["verdict"].map({"yes": 1, "no": -1, "unsure": 0}).groupby(known["key"]).sum()
    return score.clip(-1, 1).map({1: "yes", -1: "no", 0: "unsure"})


def rate_table(sample: pd.DataFrame, strata: pd.DataFrame, known: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """RATES: a row a question and stratum, and one of all reasons where there are several.

    Args:
        sample, strata: tables judge_units and judge_strata.
        known: annotator, key, verdict and question of the judgements.
        confidence: of the intervals.
    """
    judged = sample.assign(verdict=sample["key"].map(consensus(known)))
    rows = []
    for (question, kept), part in strata.groupby(["question", "kept"], sort=False):
        own = [_stratum(judged, row, confidence) for row in part.to_dict("records")]
        head = {"question": question, "error": "false keeps" if kept else "false drops"}
        rows += [head | row for row in own]
        if len(own) > 1:
            rows.append(head | _joined(own))
    table = pd.DataFrame(rows, columns=RATES)
    table["of_all"] = table["rate"] * table["units"]
    order = {name: place for place, name in enumerate(strata["question"].unique())}
    place = table["question"].map(order) * 2 + (table["error"] == "false drops")
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def _stratum(judged: pd.DataFrame, stratum: dict, confidence: float) -> dict:
    """A row of RATES, less question and error, of one stratum."""
    keys = ("question", "kept", "reason")
    own = judged[np.logical_and.reduce([judged[key] == stratum[key] for key in keys])]
    counts = own["verdict"].value_counts()
    seen = own.loc[own["verdict"].notna(), "rank"]
    wrong, right = (int(counts.get(verdict, 0)) for verdict in (("no", "yes") if stratum["kept"] else ("yes", "no")))
    low, high = limits(wrong, wrong + right, stratum["units"], confidence)
    return {
        "stratum": stratum["reason"] or "kept", "units": stratum["units"], "drawn": stratum["drawn"],
        "judged": wrong + right, "unsure": int(counts.get("unsure", 0)),
        "passed_over": int(seen.max()) + 1 - len(seen) if len(seen) else 0, "wrong": wrong,
        "rate": wrong / (wrong + right) if wrong + right else np.nan, "low": low, "high": high,
    }  # fmt: skip


def limits(wrong: int, judged: int, units: int, confidence: float) -> tuple[float, float]:
    """Exact limits of the share that is wrong in a stratum: Clopper and Pearson's, of a draw without replacement.

    Args:
        wrong: of the judged.
        judged: drawn at random from the stratum.
        units: of the stratum; where all are judged, nothing is left to chance.
        confidence: of the interval.

    Returns:
        Shares of the units; NaN where nothing is judged.
    """
    if not judged:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    possible = range(wrong, units - (judged - wrong) + 1)  # units that may be wrong in all
    low = bisect_left(possible, True, key=lambda n: stats.hypergeom.sf(wrong - 1, units, n, judged) > tail)
    above = bisect_left(possible, True, key=lambda n: stats.hypergeom.cdf(wrong, units, n, judged) <= tail)
    return possible[low] / units, possible[above - 1] / units


def _joined(strata: list[dict]) -> dict:
    """All strata of one kind as one row; those without a judgement are left out."""
    own = pd.DataFrame([row for row in strata if row["judged"]] or strata)
    rate, low, high = joined(own)
    counts = own[["units", "drawn", "judged", "unsure", "passed_over", "wrong"]].sum().astype(int)
    return {"stratum": ALL, **counts.to_dict(), "rate": rate, "low": low, "high": high}


def joined(strata: pd.DataFrame) -> tuple[float, float, float]:
    """Rate and limits over strata with columns units, rate, low, high: weighted by size, joined by MOVER."""
    weight = strata["units"] / strata["units"].sum()
    rate = float((weight * strata["rate"]).sum(skipna=False))
    below = np.sqrt((weight**2 * (strata["rate"] - strata["low"]) ** 2).sum(skipna=False))
    above = np.sqrt((weight**2 * (strata["high"] - strata["rate"]) ** 2).sum(skipna=False))
    return rate, float(np.clip(rate - below, 0, 1)), float(np.clip(rate + above, 0, 1))


def agreement(known: pd.DataFrame) -> pd.DataFrame:
    """One row a question and pair of people, and one of all people: units, same, alpha or kappa."""
    rows = []
    for question, part in known.groupby("question", sort=False):
        wide = part.pivot(index="key", columns="annotator", values="verdict")
        both = wide[wide.notna().sum(axis=1) > 1]
        if len(both):
            people = wide.columns[both.notna().any()]
            same = both.apply(lambda row: row.dropna().nunique() == 1, axis=1).mean()
            head = {"question": question, "people": f"all {len(people)}", "units": len(both), "same": float(same)}
            rows.append({**head, "alpha": _alpha(both), "kappa": np.nan})
            rows += [{"question": question, **row} for row in _pairs(both)]
    return pd.DataFrame(rows, columns=["question", "people", "units", "same", "alpha", "kappa"])


def _alpha(both: pd.DataFrame) -> float:
    """Krippendorff's alpha; NaN where everybody gave one answer to all, which tells nothing of agreement."""
    said = both.stack().reset_index().to_numpy()  # key, annotator, verdict
    if len(set(said[:, 2])) < 2:
        return np.nan
    return float(AnnotationTask([(person, key, verdict) for key, person, verdict in said]).alpha())


def _pairs(both: pd.DataFrame) -> Iterator[dict]:
    for one, other in combinations(both.columns, 2):
        pair = both[[one, other]].dropna()
        if len(pair):
            told = len(set(pair.to_numpy().ravel())) > 1
            kappa = cohen_kappa_score(pair[one], pair[other], labels=list(VERDICTS)) if told else np.nan
            same = float((pair[one] == pair[other]).mean())
            yield {"people": f"{one}, {other}", "units": len(pair), "same": same, "alpha": np.nan, "kappa": kappa}


def draw_rates(rates: pd.DataFrame, png: Path, pdf: Path) -> None:
    """Draw the rates of each question with their intervals: one line for keeps, one for the drops of all reasons."""
    whole = rates.groupby(["question", "error"], sort=False).tail(1)
    shown = whole[whole["judged"] > 0]
    figure = new_figure(COLUMN, 0.8 + 0.36 * max(shown["question"].nunique(), 1))
    if shown.empty:
        figure.text(0.5, 0.5, "not available: nothing is judged yet", ha="center", va="center")
        save(figure, png, pdf)
        return
    axes = figure.subplots()
    questions = list(shown["question"].unique())
    for i, error in enumerate(KINDS):
        part = shown[shown["error"] == error]
        height = part["question"].map(questions.index) + 0.3 * (i - 0.5)
        axes.hlines(height, 100 * part["low"], 100 * part["high"], color=PALETTE[i], linewidth=1.4)
        axes.plot(100 * part["rate"], height, MARKERS[i], color=PALETTE[i], markersize=4, label=error)
        for y, row in zip(height, part.to_dict("records"), strict=True):
            axes.annotate(f"{row['wrong']}/{row['judged']}", (100 * row["high"], y), (5, 0), textcoords="offset points",
                          va="center", fontsize=6, color=INK)  # fmt: skip
    axes.set_yticks(range(len(questions)), [name.replace("_", " ") for name in questions])
    axes.set_ylim(len(questions) - 0.5, -0.5)
    axes.set_xlim(left=min(-1.0, axes.get_xlim()[0]), right=max(float(100 * shown["high"].max()) * 1.2, 5))
    axes.set_xlabel("wrong, % of the units kept or dropped")
    axes.grid(axis="x", color=GREY, linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="upper center", ncols=2, frameon=False, handletextpad=0.2)
    figure.tight_layout(rect=(0.01, 0, 1, 1 - 0.25 / figure.get_figheight()), pad=0.4)
    save(figure, png, pdf)
