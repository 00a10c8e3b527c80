"""How every figure looks and is saved: one palette, one font size, the same bytes from the same numbers."""

import logging
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

# Okabe and Ito (2008), told apart by colour-blind readers; their yellow, too pale for points, gives way to Tol's wine.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#882255", "#000000")
BLUE, ORANGE, GREY, INK = PALETTE[0], PALETTE[1], "#B8BCC2", "#22262B"
MARKERS = "os^Dv<>P"
COLUMN, PAGE = 3.3, 7.0  # inches: widths of a column and of the page

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "text.color": INK,
    "pdf.fonttype": 42,
    "svg.hashsalt": "nonverbal",
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches in the house style; it belongs to no window and no global state."""
    for name, value in STYLE.items():
        mpl.rcParams[name] = value  # type: ignore[index]
    return Figure(figsize=(width, height))


def save(figure: Figure, png: Path, pdf: Path) -> None:
    """Write a 300 dpi PNG and a PDF, without dates and versions."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells what it leaves out of each font
    figure.savefig(png, dpi=300, metadata={"Software": None})
    figure.savefig(pdf, metadata={"Creator": None, "Producer": None, "CreationDate": None})


UNSEEN = "□"  # in place of a letter that the font lacks


@cache
def letters() -> frozenset[int]:
    """Code points that the font of every figure can write."""
    return frozenset(get_font(findfont(FontProperties(family=STYLE["font.family"]))).get_charmap())


def shown(text: str, longest: int = 0) -> str:
    """A text of somebody else's as the font can write it, on one line; write it with parse_math=False.

    Args:
        text: of any script.
        longest: letters after which it is cut; 0 for none.
    """
    line = " ".join(text.split())
    line = line if not longest or len(line) <= longest else line[: longest - 1] + "…"
    return "".join(letter if ord(letter) in letters() else UNSEEN for letter in line)
