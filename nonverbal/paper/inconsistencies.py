"""Where the paper's numbers do not agree with each other: each computed from the others, and ours computed alike."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nonverbal.layouts import FPS
from nonverbal.paper.comparison import MEASURES, MISSING, number, published
from nonverbal.paper.markup import Block, latex, markdown

TITLE = "What does not add up in the paper's numbers, and ours computed alike"
CLIP_S, CODES, WINDOW = 600, 512, 512  # seconds a published dialogue, codes of a codebook, frames in training
YTD_MINUTES = 1.0  # a dialogue of YTD-18M, by the paper's account
HEADS = ("what", "stated", "computed", "computed - stated", "ours", "ours, computed alike")
Numbers = Mapping[str, float]


class Check(NamedTuple):
    """A number that the paper states, and what its other numbers give; the same of this run, None where it has not."""

    claim: str
    unit: str
    stated: float | None
    computed: float
    how: str
    ours_stated: float | None = None
    ours_computed: float | None = None


def inconsistencies(
    statistics: Path, metrics: Path, published_csv: list[Path], length_s: float, window: int, csv: Path, md: Path,
    tex: Path,
) -> None:  # fmt: skip
    """Write the table of inconsistencies.

    Args:
        statistics: statistics.json of the dataset.
        metrics: metrics.json of evaluate_mars.
        published_csv: the paper's numbers of tables 1, 2 and 4.
        length_s: seconds a clip of this run.
        window: frames of a training window of this run.
        csv, md, tex: files to write.
    """
    table1, table2, table4 = map(published, published_csv)
    paper, ours = dict(zip(table2["metric"], table2["value"] * table2["scale"], strict=True)), _ours(statistics)
    checks = [
        *of_counts(paper, hours_of(table1, "VENUS"), ours, length_s, window),
        *of_others(table1),
        *of_mars(table4, json.loads(metrics.read_text())),
    ]
    table = pd.DataFrame(checks)
    table.insert(4, "difference", table["computed"] - table["stated"].astype(float))
    table.to_csv(csv, index=False, na_rep=MISSING, float_format="%.10g", lineterminator="\n")
    block = Block("Stated and computed", HEADS, [_cells(check) for check in checks])
    notes = ["Tables 1 to 4 show the numbers as they are printed.", *(f"{one.claim}: {one.how}." for one in checks)]
    md.write_text(markdown(TITLE, [block], notes))
    tex.write_text(latex("inconsistencies", TITLE, [block], notes))


def _ours(statistics: Path) -> Numbers:
    counts = json.loads(statistics.read_text())
    return dict.fromkeys(counts, math.nan) if not counts["turns"] else counts


def hours_of(table1: pd.DataFrame, row: str) -> float:
    """Hours of a data set of table 1."""
    rows = table1[table1["row"].str.startswith(row) & (table1["metric"] == "hours")]
    return float(rows["value"].iloc[0])


def of_counts(paper: Numbers, hours: float, ours: Numbers, length_s: float, window: int) -> list[Check]:
    """Table 2 and the hours of table 1."""

    def both(claim: str, unit: str, stated: str, how: str, formula: str) -> Check:
        values = [(one[stated], _FORMULAS[formula](one)) for one in (paper, ours)]
        return Check(claim, unit, *values[0], how, *values[1])

    our_hours = ours["dialogues"] * length_s / 3600
    return [
        both("turns a dialogue", "turns", "mean_turns_per_dialogue", "turns / dialogues", "turns_per_dialogue"),
        Check(
            "hours", "h", hours, paper["dialogues"] * CLIP_S / 3600,
            "dialogues x 10 min, a clip's length: the hours are the clips', not those of speech",
            our_hours, our_hours,
        ),
        Check(
            "speech within the hours", "h", hours, paper["turns"] * paper["mean_utterance_seconds"] / 3600,
            "turns x seconds an utterance: more speech than there is sound",
            our_hours, ours["utterances"] * ours["mean_utterance_seconds"] / 3600,
        ),
        both(
            "nonverbal expressions", "expressions", "nonverbal_expressions",
            "frames an utterance x turns: the billion counts faces and bodies", "expressions",
        ),
        both(
            "frames an utterance", "frames", "mean_frames_per_utterance",
            f"seconds an utterance x {FPS}: six of ten frames of an utterance are missing", "frames",
        ),
        Check(
            "frames an utterance in the training window", "frames", WINDOW, paper["mean_frames_per_utterance"],
            "an utterance is longer than the window of the tokenizers; the released code drops what is beyond",
            window, ours["mean_frames_per_utterance"],
        ),
    ]  # fmt: skip


# What some counts must be by the other counts of table 2.
_FORMULAS = {
    "turns_per_dialogue": lambda one: one["turns"] / one["dialogues"],
    "expressions": lambda one: one["mean_frames_per_utterance"] * one.get("utterances", one["turns"]),
    "frames": lambda one: one["mean_utterance_seconds"] * FPS,
}


def of_others(table1: pd.DataFrame) -> list[Check]:
    """The other data sets of table 1."""
    rows = table1[table1["row"].str.startswith("YTD-18M")].set_index("metric")["value"]
    return [
        Check(
            "hours of YTD-18M", "h", rows["hours"], rows["dialogues"] * YTD_MINUTES / 60,
            "its dialogues x 1 min",
        )
    ]  # fmt: skip


def of_mars(table4: pd.DataFrame, metrics: dict) -> list[Check]:
    """Table 4 against a guess, and METEOR before and after training."""
    trained = table4[table4["group"] == "MARS"].set_index(["row", "metric"])["value"]
    before = table4[table4["group"] == "zero-shot"].set_index(["row", "metric"])["value"]
    models = trained.index.get_level_values("row").unique()
    fallen = sum(trained[model, "meteor"] < before[model, "meteor"] for model in models)
    ours, scores = metrics["uniform"]["nll_face"], metrics["settings"]["trained"]
    return [
        Check(
            "NLL-F, the lowest of four models", "nat", min(trained[model, "nll_face"] for model in models),
            math.log(CODES), f"ln {CODES}: guessing a face code is better than every model", scores["nll_face"], ours,
        ),
        Check(
            "models that lose METEOR by training", "models", None, fallen, f"of {len(models)} in table 4",
        ),
    ]  # fmt: skip


def _cells(check: Check) -> Sequence[str]:
    def shown(value: float | None) -> str:
        return "–" if value is None else number(value, digits=5)

    unit = f" ({check.unit})" if check.unit in MEASURES else ""
    off = None if check.stated is None else check.computed - check.stated
    numbers = [shown(value) for value in (check.stated, check.computed, off)]
    return [check.claim + unit, *numbers, shown(check.ours_stated), shown(check.ours_computed)]
