"""Where the actors look, of the eyes in the head: heat map and rose plot of the open eyes' directions.

The numbers are those that stage cues stored of each frame in which an actor speaks; nothing is detected again.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from nonverbal.layouts import OPEN_FACE_ACTIONS
from nonverbal.paper.comparison import MISSING, number
from nonverbal.paper.markup import Block, markdown
from nonverbal.paper.style import BLUE, COLUMN, GREY, new_figure, save
from nonverbal.schema import iter_arrow
from nonverbal.studio.names import SIDES
from nonverbal.studio.recordings import recordings
from nonverbal.studio.settings import Gaze

# Actions that turn each eye to the right in the picture, to its left, up, and down; the person's left is its right.
TURNS = {
    "left": ("eyeLookOutLeft", "eyeLookInLeft", "eyeLookUpLeft", "eyeLookDownLeft"),
    "right": ("eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeLookDownRight"),
}
BLINKS = {"left": "eyeBlinkLeft", "right": "eyeBlinkRight"}
ROWS = 20_000  # frames in memory at a time
HEIGHT = 5.6  # inches
UNMEASURED = "Not measured: faces of this backend (cues.face.backend) have no numbers of the eyes; open_face has them."
NOTES = [
    "x: to the right in the picture, y: up; of the farthest that eyes turn, in the head and not in the room.",
    "An eye that is less open than the ratio is closed and does not count; a frame counts as closed where both are. "
    "open: 1 - the blink's action, so the ratio is of the fully open eye.",
    "Frames are those in which the actor on the camera speaks. No value is published in numbers.",
]


@dataclass
class Looks:
    """What is counted of some recordings' frames.

    Attributes:
        heat: frames by y and x, int [bins, bins], the lowest y first.
        rose: frames by direction, int [directions], the first around straight right, then counter-clockwise.
        frames, closed, outside, ahead: frames; of them with closed eyes; of the open ones beyond the heat map, and
            with no direction at all.
        x, y: sums over the open frames.
    """

    heat: np.ndarray
    rose: np.ndarray
    frames: int = 0
    closed: int = 0
    outside: int = 0
    ahead: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def opened(self) -> int:
        """Frames with an open eye."""
        return self.frames - self.closed

    def add(self, features: np.ndarray, settings: Gaze) -> None:
        """Count frames, features [N, 156] of layout open_face."""
        looks = directions(features, settings.closed_ratio)
        seen = looks[np.isfinite(looks).all(axis=1)]
        self.frames, self.closed = self.frames + len(looks), self.closed + len(looks) - len(seen)
        heat, _, _ = np.histogram2d(seen[:, 1], seen[:, 0], settings.bins, [[-settings.reach, settings.reach]] * 2)
        self.heat += heat.astype(int)
        self.outside += len(seen) - int(heat.sum())
        turned = seen[(seen != 0).any(axis=1)]
        self.ahead += len(seen) - len(turned)
        self.rose += np.bincount(sectors(turned, settings.directions), minlength=settings.directions)
        self.x, self.y = self.x + float(seen[:, 0].sum()), self.y + float(seen[:, 1].sum())


def directions(features: np.ndarray, closed_ratio: float) -> np.ndarray:
    """Where the open eyes look, [N, 2] x to the right in the picture and y up, each -1..1; NaN where both are closed.

    Args:
        features: of layout open_face, [N, 156]; an eye of which a number is unknown counts as closed.
        closed_ratio: how far open an eye must be.
    """
    eyes = np.full((len(features), 2, 2), np.nan)
    for place, eye in enumerate(BLINKS):
        right, left, up, down, blink = (
            features[:, OPEN_FACE_ACTIONS.index(name)].astype(float) for name in (*TURNS[eye], BLINKS[eye])
        )
        opened = 1 - blink >= closed_ratio
        eyes[opened, place] = np.stack([right - left, up - down], axis=1)[opened]
    known = np.isfinite(eyes).all(axis=2, keepdims=True)
    total = np.where(known, eyes, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(total.shape, np.nan), where=known.any(axis=1))


def sectors(looks: np.ndarray, count: int) -> np.ndarray:
    """Which of so many equal sectors each direction [N, 2] is in; the first is centred on straight right."""
    turn = np.arctan2(looks[:, 1], looks[:, 0]) / (2 * np.pi)
    return np.floor((turn * count + 0.5) % count).astype(int) % count


def gaze(
    sides: list[Path], face: list[Path], backends: dict[str, str], settings: Gaze, csv: Path, heat: Path, rose: Path,
    md: Path, png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Count where the actors look, write the counts and draw them.

    Args:
        sides: tables of that name, of all shards.
        face: faces of the shards, in the same order; not smoothed, which would open eyes that blink.
        backends: of step `face`; open_face alone reads eyes.
        settings: bins, and when an eye is closed.
        csv, md: a row a side and one of all.
        heat, rose: CSVs of the two histograms of all.
        png, pdf: the figure.
    """
    looks = {group: Looks(np.zeros((settings.bins,) * 2, int), np.zeros(settings.directions, int))
             for group in ("all", *SIDES)}  # fmt: skip
    measured = backends["face"] == "open_face"
    for path, camera in zip(face, sides, strict=True) if measured else ():
        shown = {clip_id: row["side"] for clip_id, row in recordings(camera).items()}
        for part in iter_arrow(path, "face", ["clip_id", "valid", "features"], ROWS) if shown else ():
            rows = part.to_pandas()
            rows["side"] = rows["clip_id"].map(shown)  # none of other videos
            for side, frames in rows[rows["valid"]].groupby("side"):
                features = np.stack(frames["features"].tolist())
                looks["all"].add(features, settings)
                looks[str(side)].add(features, settings)
    table = pd.DataFrame([summary(group, one) for group, one in looks.items() if one.frames or group == "all"])
    table.to_csv(csv, index=False, na_rep=MISSING, float_format="%.10g", lineterminator="\n")
    places = (np.arange(settings.bins) + 0.5) * 2 * settings.reach / settings.bins - settings.reach
    filled = [(places[x], places[y], int(looks["all"].heat[y, x])) for y, x in np.argwhere(looks["all"].heat)]
    _write(heat, ["x", "y", "frames"], filled)
    turn = 360 / settings.directions
    _write(rose, ["degrees", "frames"], [(turn * i, int(count)) for i, count in enumerate(looks["all"].rose)])
    notes = NOTES if measured else [UNMEASURED]
    cells = [[number(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in table.to_numpy()]
    md.write_text(markdown("Gaze", [Block("frames by camera", list(table.columns), cells)], notes), "utf-8")
    save(drawn(looks["all"], settings, measured), png, pdf)


def _write(path: Path, columns: list[str], rows: list[tuple]) -> None:
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def summary(group: str, looks: Looks) -> dict[str, object]:
    """A row of the table: counts, and the mean direction of the open frames."""
    mean = {axis: getattr(looks, axis) / looks.opened if looks.opened else float("nan") for axis in ("x", "y")}
    return {
        "camera": group, "frames": looks.frames, "closed": looks.closed, "open": looks.opened,
        "straight ahead": looks.ahead, "outside the map": looks.outside, "mean x": mean["x"], "mean y": mean["y"],
    }  # fmt: skip


def drawn(looks: Looks, settings: Gaze, measured: bool) -> Figure:
    """Heat map above, rose plot below."""
    figure = new_figure(COLUMN, HEIGHT)
    if not measured or not looks.opened:
        text = "no frame with open eyes" if measured else "faces of this backend\nhave no numbers of the eyes"
        figure.text(0.5, 0.5, text, ha="center", va="center")
        return figure
    _heat_map(figure, looks, settings.reach)
    _rose(figure, looks.rose)
    return figure


def _heat_map(figure: Figure, looks: Looks, reach: float) -> None:
    axes = figure.add_axes((0.55 / COLUMN, 3.2 / HEIGHT, 2.1 / COLUMN, 2.1 / HEIGHT))
    axes.axhline(0, color=GREY, lw=0.5)
    axes.axvline(0, color=GREY, lw=0.5)
    image = axes.imshow(
        np.ma.masked_equal(looks.heat, 0), origin="lower", extent=(-reach, reach, -reach, reach), cmap="cividis_r",
        interpolation="none", vmin=0, zorder=2,
    )  # fmt: skip
    axes.set(xlabel="to the picture's right", ylabel="up")
    figure.text(0.55 / COLUMN, 5.42 / HEIGHT, f"{looks.opened:,} frames; {looks.closed:,} more with closed eyes")
    bar = figure.colorbar(image, cax=figure.add_axes((2.75 / COLUMN, 3.2 / HEIGHT, 0.1 / COLUMN, 2.1 / HEIGHT)))
    bar.ax.locator_params(nbins=5)
    bar.outline.set_visible(False)


def _rose(figure: Figure, rose: np.ndarray) -> None:
    axes = figure.add_axes((0.68 / COLUMN, 0.25 / HEIGHT, 1.95 / COLUMN, 1.95 / HEIGHT), projection="polar")
    assert isinstance(axes, PolarAxes)
    width = 2 * np.pi / len(rose)
    axes.bar(np.arange(len(rose)) * width, rose / max(rose.sum(), 1) * 100, width * 0.92, color=BLUE)
    axes.set_xticks(np.arange(4) * np.pi / 2, ["right", "up", "left", "down"])
    axes.tick_params(pad=0)
    axes.set_rlabel_position(50)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(lw=0.4, color=GREY)
    axes.set_axisbelow(True)
    figure.text(0.55 / COLUMN, 2.55 / HEIGHT, "share of the frames by direction (%)")
