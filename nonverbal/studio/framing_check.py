"""Check: whether face and body are in the picture, how much of it they fill, and whether arms and hands are known."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, latex, markdown
from nonverbal.paper.style import BLUE, COLUMN, ORANGE, new_figure, save
from nonverbal.schema import read_table
from nonverbal.studio.framing import EDGES, LIMBS
from nonverbal.studio.names import SIDES
from nonverbal.studio.settings import FramingCheck

TITLE = "Face and body in the picture"
COLOURS = dict(zip(SIDES, (BLUE, ORANGE), strict=True))
AREAS = {"face_area": "face", "body_area": "body"}
QUANTILES = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}
NOTES = [
    "area: share of the picture that the box fills; of the largest face. Frames without a face have none.",
    "cut: the box touches an edge of the picture. Seated actors are filmed to the waist, so that the lower edge does "
    "not count for bodies.",
    "Arms and hands are known where the body's backend trusts what it finds; of pictures in which the actor speaks.",
    "No value is published.",
]
ESTIMATED = (
    "Bodies are estimated around faces (speakers.tracks.backend: mediapipe): their area is too large as a rule, and "
    "whether they are cut is not known; yolo detects them."
)


def framing_check(
    framing: list[Path], backends: dict[str, str], settings: FramingCheck, csv: Path, recordings: Path, md: Path,
    tex: Path, png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Write a row a check, and a row a recording, and draw them.

    Args:
        framing: tables of that name, of all shards.
        backends: of step `tracks`, which found the boxes.
        settings: when a box is cut and a limb known.
        csv, md, tex: shares of the pictures and areas, of all cameras and of each side's.
        recordings: CSV of the checks by recording, the worst first.
        png, pdf: the figure.
    """
    pictures = read_table(framing, "framing")
    estimated = backends["tracks"] == "mediapipe"
    checks = judged(pictures, settings)
    if estimated:
        checks.loc[:, checks.columns.str.startswith("body cut")] = np.nan
    groups = {"all": np.ones(len(pictures), bool)} | {side: (pictures["side"] == side).to_numpy() for side in SIDES}
    table = pd.DataFrame({group: column(pictures[at], checks[at]) for group, at in groups.items()})
    table.rename_axis("check").to_csv(csv, na_rep=MISSING, float_format="%.10g", lineterminator="\n")
    by_recording(pictures, checks).to_csv(recordings, na_rep=MISSING, float_format="%.6g", lineterminator="\n")
    rows = [[str(name), *map(number, values)] for name, values in zip(table.index, table.to_numpy(), strict=True)]
    blocks = [Block("Shares of the pictures, of all cameras and of each side's (%)", ["check", *table.columns], rows)]
    notes = NOTES + [ESTIMATED] * estimated
    md.write_text(markdown(TITLE, blocks, notes), "utf-8")
    tex.write_text(latex("framing_check", TITLE, blocks, notes), "utf-8")
    save(drawn(pictures, checks, "estimated body" if estimated else "body"), png, pdf)


def judged(pictures: pd.DataFrame, settings: FramingCheck) -> pd.DataFrame:
    """What is true of each picture, 0 or 1; NaN where it cannot be said.

    Args:
        pictures: rows of table `framing`.
        settings: when a box is cut and a limb known.
    """
    there = pictures["faces"] > 0
    found = {"no face": ~there, "several faces": pictures["faces"] > 1}
    checks = pd.DataFrame({name: values.astype(float) for name, values in found.items()}, index=pictures.index)
    checks["face not readable"] = (~pictures["readable"]).where(there).astype(float)
    for part in AREAS.values():
        edges = EDGES if part == "face" else EDGES[:3]
        near = pd.DataFrame({edge: pictures[f"{part}_{edge}"] <= settings.edge for edge in EDGES})
        boxed = pictures[f"{part}_area"].notna()
        checks[f"{part} cut"] = near[list(edges)].any(axis=1).where(boxed).astype(float)
        for edge in EDGES:
            checks[f"{part} cut, {edge}"] = near[edge].where(boxed).astype(float)
    for limb in LIMBS:
        known = pictures[limb]
        checks[f"{limb.replace('_', ' ')} unknown"] = (known < settings.limb_known).where(known.notna()).astype(float)
    return checks


def column(pictures: pd.DataFrame, checks: pd.DataFrame) -> dict[str, float]:
    """Recordings and pictures, the share of the pictures that each check is true of, and quantiles of the areas, in
    percent."""
    found = {"recordings": float(pictures["clip_id"].nunique()), "pictures": float(len(pictures))}
    found |= {f"{name} (%)": 100 * float(checks[name].mean()) for name in checks}
    for area, part in AREAS.items():
        found |= {
            f"{part} area, {name} (%)": 100 * float(pictures[area].quantile(at)) for name, at in QUANTILES.items()
        }
    return found


def by_recording(pictures: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """A row a recording: share of its pictures without a readable whole face, then each check, median areas."""
    bad = checks[["no face", "face not readable", "face cut"]].max(axis=1).rename("face not whole")
    table = pd.concat([pictures[["clip_id", "dialogue_id", "side", *AREAS]], bad, checks], axis=1)
    keys = ["clip_id", "dialogue_id", "side"]
    shares = table.drop(columns=list(AREAS)).groupby(keys).mean()
    medians = table.groupby(keys)[list(AREAS)].median().rename(columns=lambda name: f"{AREAS[name]} area, median")
    return shares.join(medians).sort_values("face not whole", ascending=False, kind="stable")


def drawn(pictures: pd.DataFrame, checks: pd.DataFrame, body: str) -> Figure:
    """Histograms of the areas above, shares of the pictures with each fault below, by side; `body` names the one."""
    figure = new_figure(COLUMN, 4.3)
    sides = [side for side in SIDES if (pictures["side"] == side).any()]
    bars = [Patch(color=COLOURS[side], label=f"{side} camera") for side in sides]
    figure.legend(handles=bars, loc="upper center", ncols=2, frameon=False)
    figure.text(0.13, 0.9, "share of the picture that the box fills")
    for place, (name, part) in enumerate({"face_area": "face", "body_area": body}.items()):
        axes = figure.add_axes((0.13 + 0.48 * place, 0.66, 0.36, 0.21))
        axes.set(xlabel=f"{part} (%)", ylabel="" if place else "pictures")
        _histograms(axes, {side: 100 * pictures.loc[pictures["side"] == side, name].dropna() for side in sides})
    faults = [str(name) for name in checks if "," not in str(name)]  # without what is said of each edge
    shares = {side: 100 * checks.loc[pictures["side"] == side, faults].mean() for side in sides}
    _faults(figure.add_axes((0.36, 0.1, 0.58, 0.42)), faults, shares)
    return figure


def _histograms(axes: Axes, values: dict[str, pd.Series]) -> None:
    """Of each side's values, with one set of bins."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(nbins=4)
    if any(len(one) for one in values.values()):
        edges = np.histogram_bin_edges(np.concatenate(list(values.values())), 20).tolist()
        for side, one in values.items():
            axes.hist(one, edges, histtype="stepfilled", alpha=0.55, color=COLOURS[side])


def _faults(axes: Axes, faults: list[str], shares: dict[str, pd.Series]) -> None:
    """A bar a fault and side with its percentage; a dash where it cannot be said."""
    thick = 0.76 / max(len(shares), 1)
    for at, (side, values) in enumerate(shares.items()):
        places = np.arange(len(faults)) + (at - (len(shares) - 1) / 2) * thick
        axes.barh(places, values.fillna(0), thick * 0.92, color=COLOURS[side])
        for value, place in zip(values, places, strict=True):
            said, end = ("–", 0.0) if np.isnan(value) else (f"{value:.3g}", value)
            axes.text(end + 1.5, place, said, va="center", size=6)
    axes.set_yticks(range(len(faults)), faults)
    axes.set(ylim=(len(faults) - 0.4, -0.6), xlim=(0, 112), xticks=[0, 25, 50, 75, 100], xlabel="pictures (%)")
    axes.spines[["top", "right"]].set_visible(False)
