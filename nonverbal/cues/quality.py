"""How much faces and bodies shake before and after smoothing, by group of the layout: a table and a figure."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from nonverbal.cues.smooth import GROUPS, ROTATIONS
from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, markdown
from nonverbal.paper.style import COLUMN, GREY, INK, MARKERS, PALETTE, new_figure, save
from nonverbal.schema import read_arrow

Group: TypeAlias = tuple[str, str]  # a part, and a group of its layout
METHODS = ("published", "adaptive")
SCORES = {"raw": "as read", "published": "published", "adaptive": "adaptive"}
JITTERS = [f"jitter_{score}" for score in SCORES]
COLUMNS = [
    "part", "group", "method", "used", "utterances", "frames", "known", "confidence", "before", "after", "share",
    "unit",
]  # fmt: skip
NAMES = {("face", "global"): "head", ("body", "upper_body"): "head and arms", ("body", "root"): "trunk"}
NOTES = [
    "jitter: mean second difference from frame to frame, a joint (degrees) or a number (units), over the frames of all "
    "utterances; before: as read, after: by the method.",
    "known: share of the group's numbers that are known. Groups of which nothing is ever known are left out.",
]


def quality(smooth: list[Path], method: str, csv: Path, md: Path, png: Path, pdf: Path) -> None:
    """Write the table and draw the figure; in memory are the utterances of one group at a time.

    Args:
        smooth: the shards' tables `quality`.
        method: the one that the smoothed cues are from.
        csv, md, png, pdf: files to write.
    """
    rows: list[dict[str, object]] = []
    spreads: dict[Group, pd.DataFrame] = {}
    for group in ((part, name) for part, names in GROUPS.items() for name in names):
        utterances = known_of(smooth, group)
        rows += summary(group, utterances, method)
        if utterances["jitter_raw"].notna().any():
            spreads[group] = utterances.dropna(subset=["jitter_raw"])[JITTERS].quantile([0.25, 0.5, 0.75])
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(csv, index=False, na_rep=MISSING, float_format="%.6g", lineterminator="\n")
    cells = [[number(value) if isinstance(value, float) else str(value) for value in row] for row in table.to_numpy()]
    md.write_text(markdown("Jitter of faces and bodies", [Block("cues", list(table.columns), cells)], NOTES), "utf-8")
    draw(spreads, method, png, pdf)


def known_of(smooth: list[Path], group: Group) -> pd.DataFrame:
    """Rows of all shards' tables of which something of a group is known; jitter in degrees where the group turns."""
    wanted = (pc.field("part") == group[0]) & (pc.field("group") == group[1]) & (pc.field("known") > 0)
    numbers = ["frames", "known", "confidence", *JITTERS]
    tables = [
        read_arrow(path, "quality", columns=["part", "group", *numbers]).filter(wanted).select(numbers)
        for path in smooth
    ]
    utterances = pa.concat_tables(tables).to_pandas()
    if _turns(group):
        utterances[JITTERS] = np.degrees(utterances[JITTERS])
    return utterances


def _turns(group: Group) -> bool:
    part, name = group
    (start, stop), (first, last) = GROUPS[part][name], ROTATIONS[part]
    return first <= start and stop <= last


def _unit(group: Group) -> str:
    return "degrees" if _turns(group) else "units"


def summary(group: Group, utterances: pd.DataFrame, used: str) -> list[dict[str, object]]:
    """A row a method of one group, utterances weighted by their frames; none where nothing is known of it."""
    if utterances.empty:
        return []
    mean = {name: _mean(utterances[name], utterances["frames"]) for name in ("known", "confidence", *JITTERS)}
    return [
        {
            "part": group[0], "group": group[1], "method": method, "used": "yes" if method == used else "no",
            "utterances": len(utterances), "frames": int(utterances["frames"].sum()), "known": mean["known"],
            "confidence": mean["confidence"], "before": mean["jitter_raw"], "after": mean[f"jitter_{method}"],
            "share": mean[f"jitter_{method}"] / mean["jitter_raw"] if mean["jitter_raw"] else np.nan,
            "unit": _unit(group),
        }
        for method in METHODS
    ]  # fmt: skip


def _mean(values: pd.Series, weights: pd.Series) -> float:
    known = values.notna()
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")


def draw(spreads: dict[Group, pd.DataFrame], used: str, png: Path, pdf: Path) -> None:
    """Draw jitter by group: as read and by each method, a mark at the median utterance, a line over the middle half.

    Args:
        spreads: of each group the quartiles (rows) of each kind of jitter (columns).
        used: method that the smoothed cues are from.
        png, pdf: files to write.
    """
    panels = [part for unit in ("degrees", "units") if (part := [group for group in spreads if _unit(group) == unit])]
    heights = [len(groups) + 1.2 for groups in panels]
    figure = new_figure(COLUMN, 0.55 + 0.34 * sum(heights))
    if not panels:
        figure.text(0.5, 0.5, "not available: no three frames in a row", ha="center", va="center")
    else:
        grid = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
        for axes, groups in zip(grid[:, 0], panels, strict=True):
            _panel(axes, {group: spreads[group] for group in groups}, used)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=3, frameon=False, handletextpad=0.2, columnspacing=1.2)
        figure.tight_layout(rect=(0.01, 0, 1, 1 - 0.25 / figure.get_figheight()), pad=0.4, h_pad=0.9)
    save(figure, png, pdf)


def _panel(axes: Axes, spreads: dict[Group, pd.DataFrame], used: str) -> None:
    for row, spread in enumerate(spreads.values()):
        for i, (score, label) in enumerate(SCORES.items()):
            low, middle, high = spread[f"jitter_{score}"]
            height, colour = row + 0.26 * (i - 1), (INK, *PALETTE[:2])[i]
            name = label + (" (used)" if score == used else "")
            axes.plot([low, high], [height, height], color=colour, linewidth=1.1, alpha=0.6)
            axes.plot(middle, height, MARKERS[i], color=colour, markersize=4, label=name if row == 0 else None)
    axes.set_yticks(range(len(spreads)), [_name(*group) for group in spreads])
    axes.set_ylim(len(spreads) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"jitter, {_unit(next(iter(spreads)))} a frame²")
    axes.grid(axis="x", color=GREY, linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _name(part: str, group: str) -> str:
    name = NAMES.get((part, group), group.replace("_", " "))
    return f"face: {name}" if part == "face" else name
