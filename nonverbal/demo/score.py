"""A measured number beside what chance, or doing nothing, would score."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, markdown


class Score(NamedTuple):
    """One line of the table; a value or baseline that cannot be had is NaN."""

    stage: str
    metric: str
    value: float
    baseline: float
    better: Literal["more", "less"]
    goal: float  # NaN: to be better than the baseline
    unit: str
    n: int

    @property
    def bar(self) -> float:
        """What the value must pass or reach."""
        return self.baseline if np.isnan(self.goal) else self.goal

    @property
    def target(self) -> str:
        """The bar in words: a goal may be met exactly, a baseline must be beaten."""
        if np.isnan(self.bar):
            return ""
        sign = {"more": "> ", "less": "< "} if np.isnan(self.goal) else {"more": "≥ ", "less": "≤ "}
        return sign[self.better] + number(self.bar)

    @property
    def reached(self) -> str:
        """yes, no, or "" where there is no bar; what could not be measured has reached nothing."""
        if np.isnan(self.value):
            return "no"
        if np.isnan(self.bar):
            return ""
        ahead = self.value - self.bar if self.better == "more" else self.bar - self.value
        return "yes" if ahead > 0 or (ahead == 0 and not np.isnan(self.goal)) else "no"


def mean(values: Sequence[float] | np.ndarray | pd.Series, by: Callable = np.mean) -> float:
    """Mean, or what `by` computes; NaN, without a warning, of nothing."""
    return float(by(values)) if len(values) else float("nan")


def write_scores(scores: list[Score], csv: Path, md: Path) -> None:
    """Write the table as CSV, and as Markdown with a block a stage."""
    header = ["stage", "metric", "value", "baseline", "target", "reached", "unit", "n"]
    rows = [
        [score.stage, score.metric, score.value, score.baseline, score.target, score.reached, score.unit, score.n]
        for score in scores
    ]
    table = pd.DataFrame(rows, columns=header)
    table.to_csv(csv, index=False, na_rep=MISSING, float_format="%.6g", lineterminator="\n")
    blocks = []
    for stage, part in table.groupby("stage", sort=False):
        lines = [
            [row["metric"], number(row["value"]), number(row["baseline"]), *(str(row[key]) for key in header[4:])]
            for row in part.to_dict("records")
        ]
        blocks.append(Block(str(stage), header[1:], lines))
    md.write_text(markdown("What the embedded backends got right", blocks, NOTES), encoding="utf-8")


NOTES = [
    "Measured on the demonstration's rendered corpus, of which everything is known; real recordings are harder.",
    "baseline: what chance or a constant scores (docs/truth.md). Without a goal of its own, the target is to beat it.",
]
