"""Histograms of scores, counted a batch of rows at a time: a corpus's scores of frames exceed memory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from nonverbal.paper.comparison import number
from nonverbal.report.contents import Distribution
from nonverbal.schema import iter_arrow

BINS = 24
ROWS = 200_000  # at once
WIDTH, HEIGHT = 300, 90  # of the plot, in the drawing's units
FINE = 40  # bins for quantiles, of each that is drawn


@dataclass(frozen=True)
class Histogram:
    """Counts of one score over equal bins.

    Attributes:
        shown: what it is of.
        low, high: of the drawn bins.
        counts: values in each bin.
        quantiles: 5 %, 50 % and 95 %, to a thousandth of the range.
        unknown: rows without a value.
        threshold: that decides by the score, if any.
    """

    shown: Distribution
    low: float
    high: float
    counts: list[int]
    quantiles: tuple[float, float, float]
    unknown: int
    threshold: float | None

    @property
    def total(self) -> int:
        """Values counted."""
        return sum(self.counts)

    @property
    def bars(self) -> list[tuple[float, float, float, float]]:
        """x, y, width and height of each bar that is not empty; one that is hardly there is a line."""
        step, most = WIDTH / len(self.counts), max(self.counts)
        heights = [max(count / most * HEIGHT, 1) if count else 0 for count in self.counts]
        return [(place * step, HEIGHT - height, step - 1, height) for place, height in enumerate(heights) if height]

    @property
    def line(self) -> float | None:
        """Where the threshold is drawn."""
        if self.threshold is None or not self.low <= self.threshold <= self.high:
            return None
        return (self.threshold - self.low) / (self.high - self.low) * WIDTH

    @property
    def summary(self) -> str:
        """The drawing in a sentence."""
        below, middle, above = (number(value, digits=2) for value in self.quantiles)
        return f"Of {self.total:,} values the median is {middle}; nine of ten lie between {below} and {above}."


def histograms(
    wanted: Sequence[Distribution], files: Mapping[str, list[Path]], decisions: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[Distribution, Histogram | None]]:
    """Each distribution with its histogram; none where no file of it is there, or no value is known.

    Args:
        wanted: the distributions.
        files: of each of their patterns.
        decisions: settings of the rules that decide by them.
    """
    for one in wanted:
        rule, key = one.threshold or ("", "")
        settings = decisions.get(rule, {})
        decides = settings.get("enabled", True) and settings.get("people", 1) > 0  # else the filter is off
        yield one, histogram(one, files[one.path], settings.get(key) if decides else None)


def histogram(shown: Distribution, files: list[Path], threshold: float | None = None) -> Histogram | None:
    """Count a column of some tables of one kind."""
    ends = limits(files, shown.column)
    if ends is None:
        return None
    low, high = ends
    fine, unknown = np.zeros(BINS * FINE, dtype=np.int64), 0
    for file in files:
        for batch in iter_arrow(file, shown.table, [shown.column], ROWS):
            values = batch[shown.column].to_numpy().astype(float)
            known = values[np.isfinite(values)]
            unknown += len(values) - len(known)
            fine += np.histogram(known, bins=len(fine), range=(low, high))[0]
    if not fine.sum():
        return None
    places = np.searchsorted(np.cumsum(fine) / fine.sum(), (0.05, 0.5, 0.95))
    below, middle, above = (low + place / (len(fine) - 1) * (high - low) for place in places.tolist())
    counts = fine.reshape(BINS, FINE).sum(axis=1).tolist()
    return Histogram(shown, low, high, counts, (below, middle, above), unknown, threshold)


def limits(files: list[Path], column: str) -> tuple[float, float] | None:
    """Least and greatest value, from the files' own statistics; shares and probabilities go from 0 to 1."""
    ends: list[float] = []
    for file in files:
        meta = pq.read_metadata(file)
        place = meta.schema.names.index(column)
        for group in range(meta.num_row_groups):
            found = meta.row_group(group).column(place).statistics
            if found is not None and found.has_min_max:
                ends += [found.min, found.max]
    ends = [end for end in ends if math.isfinite(end)]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (low, high) if low < high else (low - 0.5, high + 0.5)
