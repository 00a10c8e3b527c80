"""Which emotions occur in one dialogue: counts, and how far they go together."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, latex, markdown
from nonverbal.paper.spreadsheet import inert
from nonverbal.paper.style import COLUMN, INK, new_figure, save, shown
from nonverbal.studio.labels import UNKNOWN, turns

TITLE = "Emotions that occur together"
NOTES = [
    "both: dialogues with both emotions; together: both, of the dialogues with either (Jaccard's index).",
    "How the corpus's makers counted is unpublished, and so are their numbers: no published value.",
]
WRITTEN = 9  # labels up to which each cell's number is written into it


def emotion_pairs(emotions: list[Path], csv: Path, md: Path, tex: Path, png: Path, pdf: Path) -> None:
    """Write a row a pair, and draw the matrix.

    Args:
        emotions: tables of that name, of all shards.
        csv, md, tex: the pairs.
        png, pdf: the matrix as a heat map.
    """
    labels, counts = together(turns(emotions))
    table = pairs(labels, counts)
    inert(table).to_csv(csv, index=False, na_rep=MISSING, float_format="%.10g", lineterminator="\n")
    rows = [[number(value) if isinstance(value, float) else str(value) for value in row] for row in table.to_numpy()]
    blocks = [Block("Pairs, most frequent first", list(table.columns), rows)] if rows else []
    md.write_text(markdown(TITLE, blocks, NOTES), "utf-8")
    tex.write_text(latex("emotion_pairs", TITLE, blocks, NOTES), "utf-8")
    save(drawn(labels, jaccard(counts), counts), png, pdf)


def together(rows: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Labels, the most frequent first, and in how many dialogues each two occur, int [n, n]; on the diagonal, each.

    Args:
        rows: as `turns` gives them.
    """
    known = rows[rows["label"] != UNKNOWN]
    there = pd.crosstab(known["dialogue_id"], known["label"]).gt(0)
    labels = there.sum().sort_index().sort_values(ascending=False, kind="stable").index.tolist()
    has = there[labels].to_numpy(int).reshape(len(there), len(labels))
    return labels, has.T @ has


def jaccard(counts: np.ndarray) -> np.ndarray:
    """Dialogues with both of the dialogues with either, [n, n]."""
    each = np.diag(counts)
    return counts / np.maximum(each[:, None] + each - counts, 1)


def pairs(labels: list[str], counts: np.ndarray) -> pd.DataFrame:
    """A row a pair of different emotions: emotion, with, both, of emotion, of with (dialogues), together."""
    share = jaccard(counts)
    rows = [
        [labels[i], labels[j], int(counts[i, j]), int(counts[i, i]), int(counts[j, j]), float(share[i, j])]
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
    ]
    table = pd.DataFrame(rows, columns=["emotion", "with", "both", "of emotion", "of with", "together"])
    return table.sort_values(["both", "together"], ascending=False, kind="stable")


def drawn(labels: list[str], share: np.ndarray, counts: np.ndarray) -> Figure:
    """The matrix; dialogues are written into its cells where there is room."""
    figure = new_figure(COLUMN, COLUMN)
    axes = figure.add_axes((0.27, 0.28, 0.57, 0.57))
    if not labels:
        axes.text(0.5, 0.5, "no turn has a label", transform=axes.transAxes, ha="center", va="center")
        axes.set(xticks=[], yticks=[])
        return figure
    axes.set_facecolor("#E6E8EB")  # of the diagonal, which says nothing of pairs
    others = np.ma.array(share, mask=np.eye(len(labels), dtype=bool))
    most = float(others.max()) if others.any() else 1.0
    image = axes.imshow(others, cmap="cividis", vmin=0, vmax=most, interpolation="none")
    names = [shown(label, 14) for label in labels]
    size = 7.5 if len(labels) <= WRITTEN else 6
    axes.set_xticks(range(len(labels)), names, rotation=90, size=size, parse_math=False)
    axes.set_yticks(range(len(labels)), names, size=size, parse_math=False)
    axes.tick_params(length=0)
    if len(labels) <= WRITTEN:
        for (i, j), count in np.ndenumerate(counts):
            axes.text(
                j,
                i,
                f"{count:,}",
                ha="center",
                va="center",
                color=INK if share[i, j] > 0.55 * most or i == j else "white",
            )
    bar = figure.colorbar(image, cax=figure.add_axes((0.87, 0.28, 0.03, 0.57)))
    bar.outline.set_visible(False)
    figure.text(0.27, 0.9, "dialogues with both, of those with either", size=7.5)
    return figure
