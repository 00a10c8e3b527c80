"""What comes back of a test utterance through tokens, and how large the error of each group of numbers is: a figure."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from nonverbal.layouts import FPS, LAYOUTS, PARTS, Layout
from nonverbal.paper.style import COLUMN, GREY, INK, MARKERS, PALETTE, new_figure, save
from nonverbal.paper.table3 import read
from nonverbal.schema import read_table
from nonverbal.tokenizers.codebooks import drawn

# Numbers that a reader knows, by layout: name -> label, or (group, place in it) where numbers have no labels.
CURVES: dict[str, dict[str, str | tuple[str, int]]] = {
    "open_face": {"jaw opens": "jawOpen", "smile": "mouthSmileLeft"},
    "flame": {"jaw opens": ("jaw", 0), "expression 1": ("expression", 0)},
    "smplx": {"head nods": "head.x", "wrist bends": "right_wrist.z"},
}


def reconstruction(
    face: list[Path], body: list[Path], face_decoded: Path, body_decoded: Path, rows: dict[str, dict[str, Any]],
    trained: dict[str, dict[str, str]], png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Draw curves of a few numbers over a test utterance, true and decoded by ours, and errors by group and row.

    Args:
        face, body: what evaluate_tokenizer measured, of each row and seed.
        face_decoded, body_decoded: its tables `decoded` of ours.
        rows: the rows beside ours -> their label and group; ours and the baselines are drawn.
        trained: part -> row -> the row that it shares its training with, or itself.
        png, pdf: files to write.
    """
    measured = {"face": read(face), "body": read(body)}
    curves = [
        curve
        for part, path in (("face", face_decoded), ("body", body_decoded))
        for curve in read_curves(path, LAYOUTS[measured[part]["ours"][0]["layout"]])
    ]
    figure = new_figure(COLUMN, 4.9)
    heights = [1.0] * len(curves) + [0.45, 2.6]
    grid = figure.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights})
    for axes, curve in zip(grid, curves, strict=False):
        _curve(axes, *curve, last=axes is grid[len(curves) - 1])
    grid[-2].set_visible(False)
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper center", ncols=2, frameon=False)
    _errors(grid[-1], measured, drawn(rows), trained)
    figure.subplots_adjust(left=0.235, right=0.97, top=0.92, bottom=0.08, hspace=0.55)
    save(figure, png, pdf)


def read_curves(path: Path, layout: Layout) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """(name, seconds, truth, made) of each of the layout's CURVES; turns are degrees."""
    table = read_table(path, "decoded")
    truth, made = (np.stack(list(table[name])) for name in ("truth", "made"))
    seconds = (table["frame"] - table["frame"].iloc[0]).to_numpy() / FPS
    found = []
    for name, number in CURVES[layout.name].items():
        place = _place(layout, number)
        turns = layout.name == "smplx"
        unit, factor = ("°", 180 / np.pi) if turns else ("", 1.0)
        found.append(
            (f"{name}{', ' + unit if unit else ''}", seconds, factor * truth[:, place], factor * made[:, place])
        )
    return found


def _place(layout: Layout, number: str | tuple[str, int]) -> int:
    if isinstance(number, str):
        return layout.labels.index(number)
    return layout.training_slices()[number[0]].start + number[1]


def _curve(axes: Axes, name: str, seconds: np.ndarray, truth: np.ndarray, made: np.ndarray, last: bool) -> None:
    axes.plot(seconds, truth, color=INK, linewidth=1.6, alpha=0.35, label="true")
    axes.plot(seconds, made, color=PALETTE[0], linewidth=0.9, label="decoded from tokens (ours)")
    axes.set_title(name, loc="left", fontsize=7.5, pad=2)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    if last:
        axes.set_xlabel("seconds of a test utterance")
    else:
        axes.set_xticklabels([])


def _errors(
    axes: Axes, measured: dict[str, dict[str, list[dict]]], rows: dict[str, str], trained: dict[str, dict[str, str]]
) -> None:
    groups: list[str] = []
    for part in PARTS:
        for group in LAYOUTS[measured[part]["ours"][0]["layout"]].training_slices():
            for i, (row, label) in enumerate(rows.items()):
                shares = [
                    one["model"][f"mae_{group}"] / one["constant_median"][f"mae_{group}"]
                    for one in measured[part][trained[part][row]]
                ]
                height = len(groups) + 0.22 * (i - (len(rows) - 1) / 2)
                axes.plot(shares, [height] * len(shares), MARKERS[i], color=PALETTE[i], markersize=3.5, alpha=0.9,
                          linewidth=0, label=label if not groups else None)  # fmt: skip
            groups.append(group.replace("_", " "))
    axes.axvline(1, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("absolute error / median frame's (a mark a seed)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, 1.2), ncols=len(rows), handletextpad=0.1,
                columnspacing=1.0)  # fmt: skip
