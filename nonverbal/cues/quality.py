"""How much faces and bodies shake before and after smoothing, by group of the layout: a table and a figure."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from nonverbal.cues.smooth import GROUPS, ROTATIONS
from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, markdown
from nonverbal.paper.style import COLUMN, GREY, INK, MARKERS, PALETTE, new_figure, save
from nonverbal.schema import read_table

METHODS = ("published", "adaptive")
SCORES = {"raw": "as read", "published": "published", "adaptive": "adaptive"}
NAMES = {("face", "global"): "head", ("body", "upper_body"): "head and arms", ("body", "root"): "trunk"}
NOTES = [
    "jitter: mean second difference from frame to frame, a joint (degrees) or a number (units), over the frames of all "
    "utterances; before: as read, after: by the method.",
    "known: share of the group's numbers that are known. Groups of which nothing is ever known are left out.",
]


def quality(smooth: list[Path], method: str, csv: Path, md: Path, png: Path, pdf: Path) -> None:
    """Write the table and draw the figure.

    Args:
        smooth: the shards' tables `quality`.
        method: the one that the smoothed cues are from.
        csv, md, png, pdf: files to write.
    """
    utterances = read_table(smooth, "quality")
    utterances = in_degrees(utterances[utterances["known"] > 0])
    table = summary(utterances, method)
    table.to_csv(csv, index=False, na_rep=MISSING, float_format="%.6g", lineterminator="\n")
    rows = [[number(value) if isinstance(value, float) else str(value) for value in row] for row in table.to_numpy()]
    md.write_text(markdown("Jitter of faces and bodies", [Block("cues", list(table.columns), rows)], NOTES), "utf-8")
    draw(utterances, method, png, pdf)


def in_degrees(utterances: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `quality` with the unit of their jitter: degrees where the group is of rotations."""
    turns = [_turns(part, group) for part, group in zip(utterances["part"], utterances["group"], strict=True)]
    jitters = {name: np.where(turns, np.degrees(utterances[name]), utterances[name]) for name in _columns()}
    return utterances.assign(unit=np.where(turns, "degrees", "units"), **jitters)


def _turns(part: str, group: str) -> bool:
    (start, stop), (first, last) = GROUPS[part][group], ROTATIONS[part]
    return first <= start and stop <= last


def _columns() -> list[str]:
    return [f"jitter_{score}" for score in SCORES]


def summary(utterances: pd.DataFrame, used: str) -> pd.DataFrame:
    """One row a part, group and method, utterances weighted by their frames."""
    rows = []
    for (part, group), table in utterances.groupby(["part", "group"], sort=False):
        mean = {name: _mean(table[name], table["frames"]) for name in ("known", "confidence", *_columns())}
        for method in METHODS:
            rows.append({
                "part": part, "group": group, "method": method, "used": "yes" if method == used else "no",
                "utterances": len(table), "frames": int(table["frames"].sum()), "known": mean["known"],
                "confidence": mean["confidence"], "before": mean["jitter_raw"], "after": mean[f"jitter_{method}"],
                "share": mean[f"jitter_{method}"] / mean["jitter_raw"] if mean["jitter_raw"] else np.nan,
                "unit": table["unit"].iloc[0],
            })  # fmt: skip
    columns = ["part", "group", "method", "used", "utterances", "frames", "known", "confidence"]
    return pd.DataFrame(rows, columns=[*columns, "before", "after", "share", "unit"])


def _mean(values: pd.Series, weights: pd.Series) -> float:
    known = values.notna()
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")


def draw(utterances: pd.DataFrame, used: str, png: Path, pdf: Path) -> None:
    """Draw jitter by group: as read and by each method, a mark at the median utterance, a line over the middle half."""
    shown = utterances.dropna(subset=["jitter_raw"])
    panels = [table for _, table in shown.groupby("unit")]
    heights = [table[["part", "group"]].drop_duplicates().shape[0] + 1.2 for table in panels]
    figure = new_figure(COLUMN, 0.55 + 0.34 * sum(heights))
    if not panels:
        figure.text(0.5, 0.5, "not available: no three frames in a row", ha="center", va="center")
    else:
        grid = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
        for axes, table in zip(grid[:, 0], panels, strict=True):
            _panel(axes, table, used)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=3, frameon=False, handletextpad=0.2, columnspacing=1.2)
        figure.tight_layout(rect=(0.01, 0, 1, 1 - 0.25 / figure.get_figheight()), pad=0.4, h_pad=0.9)
    save(figure, png, pdf)


def _panel(axes: Axes, table: pd.DataFrame, used: str) -> None:
    groups = table.groupby(["part", "group"], sort=False)
    for row, (_, values) in enumerate(groups):
        for i, (score, label) in enumerate(SCORES.items()):
            low, middle, high = values[f"jitter_{score}"].quantile([0.25, 0.5, 0.75])
            height, colour = row + 0.26 * (i - 1), (INK, *PALETTE[:2])[i]
            name = label + (" (used)" if score == used else "")
            axes.plot([low, high], [height, height], color=colour, linewidth=1.1, alpha=0.6)
            axes.plot(middle, height, MARKERS[i], color=colour, markersize=4, label=name if row == 0 else None)
    axes.set_yticks(range(len(groups)), [_name(*values.iloc[0][["part", "group"]]) for _, values in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    unit = table["unit"].iloc[0]
    axes.set_xlabel(f"jitter, {unit} a frame²")
    axes.grid(axis="x", color=GREY, linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _name(part: str, group: str) -> str:
    name = NAMES.get((part, group), group.replace("_", " "))
    return f"face: {name}" if part == "face" else name
