"""A contact sheet: some frames of an utterance, source above avatar, and the parameters' curves with the words."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Page

from nonverbal.cues.frames import FACE as FACE_BOX
from nonverbal.cues.frames import PERSON, crop
from nonverbal.layouts import FPS, OPEN_FACE, SMPLX_BODY
from nonverbal.paper.style import GREY, INK, PALETTE, new_figure
from nonverbal.views.avatar import FACE_MARGIN
from nonverbal.views.figure import Figures, Screen
from nonverbal.views.found import Found, find, frames_of
from nonverbal.views.motion import Motion, columns, motions_of
from nonverbal.views.paint import Pen

PICTURES = 6
CELL = (300, 300)  # pixels: of a source's crop and of the avatar's body and face
WIDTH, CURVES = 12.0, 1.25  # inches: of the page; height of a panel of curves
DPI = 100
LINES, WORDS_PX, LETTERS_PX = 3, 20, 14  # of words; height of a line; of its letters
# Curves of the open face: name -> actions that are averaged.
OPEN_CURVES = {
    "jaw open": ("jawOpen",), "smile": ("mouthSmileLeft", "mouthSmileRight"), "brow up": ("browInnerUp",),
    "brow down": ("browDownLeft", "browDownRight"), "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
}  # fmt: skip
HEAD_CURVES = ("nod (down +)", "turn (left +)", "tilt (right +)")
ARM_JOINTS = ("left_shoulder", "left_elbow", "right_shoulder", "right_elbow")


class Curves(NamedTuple):
    """A panel: its label, and curves [T] by name, NaN where unknown."""

    label: str
    lines: dict[str, np.ndarray]


def sheet(results: Path, clip_id: str, utterance_id: int, out: Path, models: Path | None = None) -> None:
    """Write the sheet of one utterance.

    Raises:
        UserError: the results hold no such clip or utterance, or nothing is known of who speaks.
    """
    found = find(results, clip_id)
    (motion,) = motions_of(found, utterance_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_sheet(found, utterance_id, motion, Figures(models), out)


def save_sheet(found: Found, utterance_id: int, motion: Motion, figures: Figures, out: Path) -> None:
    """Write the sheet; see `sheet`."""
    draw_sheet(found, utterance_id, motion, figures).savefig(out, dpi=DPI, metadata={"Software": None})


def draw_sheet(found: Found, utterance_id: int, motion: Motion, figures: Figures) -> Page:
    """The sheet as a matplotlib figure."""
    panels = face_curves(motion), head_curves(motion), arm_curves(motion)
    chosen = np.unique(np.linspace(0, len(motion.span) - 1, PICTURES).round().astype(int))
    cell = WIDTH / PICTURES
    rows = [*[cell] * 4, *[CURVES] * len(panels), LINES * WORDS_PX / DPI]
    page = new_figure(WIDTH, sum(rows) + 0.35)
    grid = page.add_gridspec(
        len(rows),
        1,
        height_ratios=rows,
        left=0.05,
        right=0.995,
        bottom=0.02,
        top=1 - 0.3 / (sum(rows) + 0.35),
        hspace=0.08,
    )
    screen = Screen(figures, motion)
    for row, strip in enumerate(_strips(found, motion, screen, chosen)):
        axes = page.add_subplot(grid[row])
        axes.imshow(strip, aspect="auto")
        axes.axis("off")
    for row, panel in enumerate(panels, start=4):
        _draw_curves(page.add_subplot(grid[row]), panel, motion, chosen)
    _draw_words(page.add_subplot(grid[-1]), found, utterance_id, motion)
    page.suptitle(f"{found.describe(utterance_id)}, speaker {motion.speaker}: {screen.caption}", y=0.995, va="top")
    return page


def _strips(found: Found, motion: Motion, screen: Screen, chosen: np.ndarray) -> list[np.ndarray]:
    """Rows of pictures: source, avatar's body, source's face, avatar's face; uint8 RGB [height, width, 3]."""
    pictures = [screen.draw(int(frame), CELL, CELL) for frame in chosen]
    blank = np.zeros((*CELL[::-1], 3), np.uint8)
    source = dict.fromkeys(chosen.tolist(), (blank, blank))  # a video may end before its last frame
    for number, picture in frames_of(found, motion.span):
        place = number - motion.span.first
        if place in source:
            source[place] = _source(found, motion.speaker, number, picture)
    (person, near), (body, face) = (zip(*cells, strict=True) for cells in (source.values(), pictures))
    return [np.hstack(row) for row in (person, body, near, face)]


def _source(found: Found, speaker: int, number: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Person and face of who speaks, each in a cell; the whole picture and black where nobody is cropped."""
    rows = found.crops[(found.crops["speaker"] == speaker) & (found.crops["frame"] == number)]
    if rows.empty:
        return fit_into(picture, CELL), np.zeros((*CELL[::-1], 3), np.uint8)
    person = crop(picture, rows.iloc[0][PERSON].to_numpy(float))
    near = crop(picture, rows.iloc[0][FACE_BOX].to_numpy(float), FACE_MARGIN, square=True)
    shown = [view.picture if view is not None else np.zeros((2, 2, 3), np.uint8) for view in (person, near)]
    return fit_into(shown[0], CELL), fit_into(shown[1], CELL)


def fit_into(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture scaled to fit into a size (width, height), on black."""
    height, width = picture.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    small = cv2.resize(
        picture, (max(round(width * scale), 1), max(round(height * scale), 1)), interpolation=cv2.INTER_AREA
    )
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - small.shape[0]) // 2, (size[0] - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def face_curves(motion: Motion) -> Curves:
    """The face's main actions, or FLAME's jaw and first expressions."""
    values = np.where(motion.face_known, motion.face, np.nan)
    if motion.layout is OPEN_FACE:
        trained = values[:, OPEN_FACE.index]
        places = {name: [OPEN_FACE.labels.index(one) for one in actions] for name, actions in OPEN_CURVES.items()}
        return Curves("facial actions", {name: trained[:, place].mean(axis=1) for name, place in places.items()})
    expressions = {f"expression {i}": values[:, i] for i in range(4)}
    return Curves("FLAME", {"jaw (radians)": values[:, motion.layout.groups["jaw"][0]], **expressions})


def head_curves(motion: Motion) -> Curves:
    """The head's rotation in front of the camera."""
    values = np.degrees(np.where(motion.face_known, motion.face, np.nan)[:, slice(*motion.layout.groups["global"])])
    return Curves("head, degrees", dict(zip(HEAD_CURVES, values.T, strict=True)))


def arm_curves(motion: Motion) -> Curves:
    """How far shoulders and elbows are turned from the T-pose."""
    values = np.degrees(np.where(motion.body_known, motion.body, np.nan)[:, : SMPLX_BODY.groups["upper_body"][1]])
    lines = {joint.replace("_", " "): np.linalg.norm(values[:, columns(joint)], axis=1) for joint in ARM_JOINTS}
    return Curves("arms, degrees\nfrom the T-pose", lines)


def _draw_curves(axes: Axes, panel: Curves, motion: Motion, chosen: np.ndarray) -> None:
    times = (motion.span.first + np.arange(len(motion.span))) / FPS
    known = np.zeros(len(times), bool)
    for colour, (name, values) in zip(PALETTE, panel.lines.items(), strict=False):
        axes.plot(times, values, color=colour, linewidth=1.1, label=name)
        known |= np.isfinite(values)
    axes.fill_between(
        times, 0, 1, where=~known, transform=axes.get_xaxis_transform(), color=GREY, linewidth=0, step="mid"
    )
    for frame in chosen:
        axes.axvline(times[frame], color=INK, linewidth=0.5, linestyle=":")
    axes.set(xlim=(times[0] - 0.5 / FPS, times[-1] + 0.5 / FPS), ylabel=panel.label)
    axes.tick_params(labelbottom=False)
    axes.legend(loc="upper right", ncols=len(panel.lines), fontsize=7, framealpha=0.8, edgecolor="none")


def _draw_words(axes: Axes, found: Found, utterance_id: int, motion: Motion) -> None:
    """Words below where they begin, in a font that has every script of a transcript; each on the first free line."""
    width = round(WIDTH * DPI * 0.945)
    canvas = np.full((LINES * WORDS_PX, width, 3), 255, np.uint8)
    pen = Pen(width, LETTERS_PX)
    start, length = motion.span.seconds
    ends = [0] * LINES
    for word in found.words[found.words["utterance_id"] == utterance_id].to_dict("records"):
        x = max(round((word["start_s"] - start) / length * width), 0)
        line = next((line for line, end in enumerate(ends) if end <= x), None)
        if line is not None:  # where so many are said, some are left out
            ends[line] = pen.write(canvas, word["word"], (x, (line + 1) * WORDS_PX - 6), (255, 255, 255)) + 4
    axes.imshow(canvas, aspect="auto")
    axes.axis("off")
