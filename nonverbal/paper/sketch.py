"""Boxes and arrows, in inches from the lower left of a page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from nonverbal.paper.style import INK

LINE, PAD = 0.125, 0.07  # inches: height of a line of text, space inside a box


class Place(NamedTuple):
    """A rectangle, inches."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        """Middle of the left side."""
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> tuple[float, float]:
        """Middle of the right side."""
        return self.x + self.width, self.y + self.height / 2


def sheet(figure: Figure) -> Axes:
    """Axes over the whole page, in inches."""
    axes = figure.add_axes((0, 0, 1, 1))
    width, height = figure.get_size_inches()
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return axes


def box(axes: Axes, place: Place, title: str, lines: Sequence[str], colour: str) -> Place:
    """A rounded box with a title in bold and lines below it, all from its upper left."""
    patch = FancyBboxPatch(
        (place.x, place.y), place.width, place.height, boxstyle="round,pad=0,rounding_size=0.06", linewidth=1,
        edgecolor=colour, facecolor="white", zorder=2,
    )  # fmt: skip
    axes.add_patch(patch)
    top = place.y + place.height - PAD
    axes.text(place.x + PAD, top, title, va="top", weight="bold", color=colour, zorder=3, parse_math=False)
    for number, line in enumerate(lines, 1):
        axes.text(place.x + PAD, top - number * LINE - 0.02, line, va="top", size=6.5, zorder=3, parse_math=False)
    return place


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0) -> None:
    """An arrow from one point to another."""
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 7, "linewidth": 0.9, "color": INK, "zorder": 1}
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", shrinkA=1, shrinkB=1, **style))
