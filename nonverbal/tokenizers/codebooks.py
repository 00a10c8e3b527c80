"""How often each code is used, by the tokenizers of ours and of the baselines: a figure."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from nonverbal.paper.style import COLUMN, GREY, INK, PALETTE, new_figure, save
from nonverbal.paper.table3 import read

LINES = ("-", "--", "-.", ":")
FLOOR = 1e-2  # of an even share: below it, codes are hardly used


def codebooks(
    face: list[Path], body: list[Path], rows: dict[str, dict[str, Any]], trained: dict[str, dict[str, str]],
    png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Draw how often codes are used, most used first, a panel a part.

    Args:
        face, body: what evaluate_tokenizer measured, of each row and seed.
        rows: the rows beside ours -> their label and group; ours and the baselines are drawn.
        trained: part -> row -> the row that it shares its training with, or itself.
        png, pdf: files to write.
    """
    figure = new_figure(COLUMN, 3.9)
    for axes, (part, paths) in zip(figure.subplots(2, 1), {"face": face, "body": body}.items(), strict=True):
        _panel(axes, part, read(paths), drawn(rows), trained[part])
    figure.tight_layout(pad=0.4, h_pad=1.0)
    save(figure, png, pdf)


def drawn(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Row -> label of what figures show: ours and the baselines."""
    return {"ours": "ours"} | {name: row["label"] for name, row in rows.items() if row["group"] == "baseline"}


def sorted_use(results: list[dict[str, Any]]) -> np.ndarray:
    """Uses of the codes [K], most used first, in even shares: a mean over seeds and residual quantizers."""
    counts = np.concatenate([np.array(one["codebook"]["counts"], float) for one in results])
    shares = np.sort(counts, axis=1)[:, ::-1] / counts.sum(axis=1, keepdims=True)
    return shares.mean(axis=0) * counts.shape[1]


def _panel(
    axes: Axes, part: str, results: dict[str, list[dict[str, Any]]], rows: dict[str, str], trained: dict[str, str]
) -> None:
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.annotate("even use", (1, 1), xytext=(0, 2), textcoords="offset points", ha="right", size=6.5, color=INK)
    for i, (row, label) in enumerate(rows.items()):
        found = results[trained[row]]
        use = sorted_use(found)
        name = f"{label}: {_mean(found, 'used'):.0f} of {len(use)} used, perplexity {_mean(found, 'perplexity'):.0f}"
        rank = (np.arange(len(use)) + 0.5) / len(use)
        axes.plot(rank, np.maximum(use, FLOOR / 2), LINES[i % len(LINES)], color=PALETTE[i], linewidth=1.2, label=name)
    axes.set(yscale="log", xlim=(0, 1), title=part)
    axes.set_ylim(FLOOR, 100 * axes.get_ylim()[1])  # room for the legend
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.yaxis.set_major_locator(FixedLocator([0.01, 0.1, 1, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("codes, most used first")
    axes.set_ylabel("uses / even share")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right", handlelength=2.2, fontsize=6.5)


def _mean(results: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([one["codebook"][name] for one in results]))
