"""Figure 1: the pipeline, with what went into each filter, what it kept and why it dropped the rest."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from nonverbal.paper.style import BLUE, GREY, ORANGE, PAGE, new_figure, save
from nonverbal.schema import read_table


class Step(NamedTuple):
    """A row of the figure: its stage, the paper's mark, what it does, and its filter in the funnel ("" for none)."""

    stage: str
    mark: str
    text: str
    filter: str = ""


STEPS = (
    Step("collect", "", "open the sources", "sources"),
    Step("collect", "", "list videos: dates, doubles", "channels"),
    Step("collect", "F1", "people in the thumbnail", "keep_people"),
    Step("collect", "", "download", "download"),
    Step("collect", "P1 F2", "cut clips, drop short rests", "clips"),
    Step("speech", "F3", "exactly two speakers", "keep_two_speakers"),
    Step("speech", "F4", "the wanted language", "keep_language"),
    Step("speech", "P2", "words, utterances"),
    Step("speakers", "P3", "tracks, active speaker"),
    Step("speakers", "F5", "speakers visible", "keep_visible"),
    Step("speakers", "P4", "crops of who speaks"),
    Step("cues", "P5 P6", "body and face parameters"),
    Step("cues", "", "smooth"),
    Step("dataset", "", "little harmful speech", "keep_safe"),
    Step("dataset", "", "split, VENUS records"),
)
ROW = 0.36  # inches
STAGE_X, BOX_X, COUNT_X, BAR_X, END_X = 0.21, 0.55, 2.66, 4.2, 6.9  # inches
SHADE, QUIET = "#F3F5F7", "#6B7178"
REASONS_SHOWN = 4  # the rest is added up, so that the line fits


def figure1(funnel: Path, png: Path, pdf: Path) -> None:
    """Draw figure 1.

    Args:
        funnel: the funnel's table; counts after each filter are published nowhere, so these are the run's own.
        png, pdf: files to write.
    """
    counts = read_table(funnel, "funnel")
    height = ROW * (len(STEPS) + 1)
    figure = new_figure(PAGE, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, PAGE), ylim=(height, 0))
    axes.axis("off")
    _head(axes)
    _stages(axes)
    going_on = ""
    for position, step in enumerate(STEPS):
        rows = counts[counts["filter"] == step.filter]
        _box(axes, step, _y(position))
        if step.filter:
            going_on = _counts(axes, _y(position), rows)
        else:
            axes.text(COUNT_X, _y(position), going_on, va="center", color=QUIET)
    for position in range(len(STEPS) - 1):
        _arrow(axes, _y(position), _y(position + 1))
    save(figure, png, pdf)


def _y(position: int) -> float:
    """Middle of a row, inches from the top."""
    return ROW * (position + 1.3)


def _head(axes: Axes) -> None:
    y = ROW * 0.45
    words = [
        (BOX_X, "step", QUIET), (COUNT_X, "in → kept", QUIET), (BAR_X, "kept", BLUE), (BAR_X + 0.31, "and", QUIET),
        (BAR_X + 0.55, "dropped", ORANGE), (BAR_X + 1.07, "as shares of what went in", QUIET),
    ]  # fmt: skip
    for x, text, colour in words:
        axes.text(x, y, text, va="center", color=colour, weight="bold" if colour in (BLUE, ORANGE) else "normal")


def _stages(axes: Axes) -> None:
    for index, stage in enumerate(dict.fromkeys(step.stage for step in STEPS)):
        rows = [position for position, step in enumerate(STEPS) if step.stage == stage]
        top, bottom = _y(rows[0]) - ROW / 2, _y(rows[-1]) + ROW / 2
        if index % 2 == 0:
            axes.axhspan(top, bottom, color=SHADE, linewidth=0, zorder=0)
        axes.text(STAGE_X, (top + bottom) / 2, stage, rotation=90, ha="center", va="center", weight="bold")


def _box(axes: Axes, step: Step, y: float) -> None:
    colour = BLUE if step.filter else QUIET
    box = FancyBboxPatch(
        (BOX_X, y - 0.125), 1.98, 0.25, boxstyle="round,pad=0,rounding_size=0.06", linewidth=0.8,
        edgecolor=BLUE if step.filter else GREY, facecolor="white", zorder=2,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(BOX_X + 0.08, y, step.mark, va="center", weight="bold", color=colour, zorder=3)
    axes.text(BOX_X + 0.5, y, step.text, va="center", zorder=3)


def _counts(axes: Axes, y: float, rows: pd.DataFrame) -> str:
    """Numbers, bar and reasons of a filter; returns what goes on to the next step."""
    if rows.empty:
        axes.text(COUNT_X, y, "not available", va="center", style="italic", color=QUIET)
        return ""
    first = rows.iloc[0]
    axes.text(COUNT_X, y, f"{first['in']:,} → {first['kept']:,} {first['unit']}s", va="center")
    scale = (END_X - BAR_X) / max(first["in"], 1)
    left = BAR_X
    for number, colour in [(first["kept"], BLUE), *((dropped, ORANGE) for dropped in rows["dropped"])]:
        axes.barh(y - 0.055, number * scale, 0.13, left, color=colour, edgecolor="white", linewidth=0.6)
        left += number * scale
    axes.text(END_X, y + 0.095, reasons(rows), ha="right", va="center", size=6)
    return f"{first['kept']:,} {first['unit']}s"


def reasons(rows: pd.DataFrame) -> str:
    """The reasons of a filter's drops with their counts; beyond REASONS_SHOWN they are added up."""
    items = [(name.replace("_", " "), int(count)) for name, count in zip(rows["reason"], rows["dropped"], strict=True)]
    items = [item for item in items if item[1]]
    if len(items) > REASONS_SHOWN:
        others = items[REASONS_SHOWN - 1 :]
        items = [*items[: REASONS_SHOWN - 1], (f"{len(others)} other reasons", sum(count for _, count in others))]
    return "   ".join(f"{name} {count:,}" for name, count in items)


def _arrow(axes: Axes, top: float, bottom: float) -> None:
    x = BOX_X + 0.99
    style = {"arrowstyle": "-|>", "mutation_scale": 6, "linewidth": 0.8, "color": GREY, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(x, bottom - 0.125), xytext=(x, top + 0.125), arrowprops=style)
