"""Figure 8: what the dataset holds of two people: bodies and faces as meshes, while they speak."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nonverbal.layouts import FPS
from nonverbal.paper.meshes import WHITE, layout_of, motion_of_frames
from nonverbal.paper.settings import Figure8
from nonverbal.paper.style import GREY, PAGE, PALETTE, new_figure, save, shown
from nonverbal.schema import read_arrow, read_table
from nonverbal.views.figure import Figures, Screen

FRAME = ["clip_id", "utterance_id", "speaker", "frame"]
COLOURS = (PALETTE[0], PALETTE[5])
LEFT, TOP, WORDS, FOOT = 0.22, 0.04, 0.34, 0.2  # inches: speaker's name, above, words of a row, models' names
LETTERS_IN = 0.051  # inches a letter
QUIET = "#6B7178"


class Shown(NamedTuple):
    """An utterance to draw."""

    shard: int
    clip_id: str
    utterance_id: int
    speaker: int


def figure8(
    face: list[Path], body: list[Path], words: list[Path], split: Path, settings: Figure8, models: Path, png: Path,
    pdf: Path,
) -> None:  # fmt: skip
    """Draw figure 8.

    Args:
        face, body, words: tables of the shards, in one order; face and body are smoothed.
        split: clips of the dataset.
        settings: how many pictures.
        models: folder of models, of which FLAME and SMPL-X are shown if they are there.
        png, pdf: files to write.
    """
    rows = chosen(face, body, set(read_table(split, "split")["clip_id"]))
    cell = (PAGE - LEFT) / settings.frames
    block = 2 * cell + WORDS
    height = TOP + len(rows) * block + FOOT
    figure = new_figure(PAGE, height if rows else 1)
    if not rows:
        figure.text(0.5, 0.5, "not available: of nobody both face and body are known", ha="center")
        save(figure, png, pdf)
        return
    figures, caption = Figures(models), ""
    for place, row in enumerate(rows):
        frames, motion_rows = frames_of(row, face[row.shard], body[row.shard], settings.frames)
        spoken = read_arrow(words[row.shard], "words", clip_id=row.clip_id).to_pandas()
        said = words_at(spoken[spoken["utterance_id"] == row.utterance_id], frames)
        features = np.stack(motion_rows["features_face"].tolist())
        bodies = np.stack(motion_rows["features_body"].tolist())
        screen = Screen(figures, motion_of_frames(features, bodies, layout_of(features)), WHITE)
        top = height - TOP - place * block
        _name(figure, row, top - cell, height)
        for column, (frame, text) in enumerate(zip(frames, said, strict=True)):
            size = (round(cell * 300), round(cell * 300))
            left = LEFT + column * cell
            for line, picture in enumerate(screen.draw(column, size, size)):
                _picture(figure, picture, left, top - (line + 1) * cell, cell, height)
            _text(figure, f"{frame / FPS:.2f} s", text, left, top - 2 * cell, cell, height)
        caption = screen.caption
    figure.text(0.007, 0.03 / height, f"meshes: {caption}; grey: not known", size=6, va="bottom", color=QUIET)
    save(figure, png, pdf)


def chosen(face: list[Path], body: list[Path], clips: set[str]) -> list[Shown]:
    """The best utterance of each of two speakers of one clip: that with most frames in which face and body are known.

    The clip is the one in which the lesser of the two has most such frames; with nobody but single speakers, the best.
    """
    best: tuple[tuple[int, int], list[Shown]] = ((0, 0), [])
    for shard, (one, other) in enumerate(zip(face, body, strict=True)):
        counts = _known(one, "face").merge(_known(other, "body"), on=FRAME)
        counts = counts[counts["clip_id"].isin(clips)].groupby(FRAME[:3]).size().rename("frames").reset_index()
        counts = counts.sort_values("frames", ascending=False, kind="stable").drop_duplicates(["clip_id", "speaker"])
        for clip_id, rows in counts.groupby("clip_id"):
            two = rows.head(2).sort_values("speaker")
            rank = (len(two), int(two["frames"].min()))
            if rank > best[0]:
                keys = two[["utterance_id", "speaker"]].itertuples(index=False, name=None)
                best = rank, [Shown(shard, str(clip_id), int(utterance), int(speaker)) for utterance, speaker in keys]
    return best[1]


def _known(path: Path, name: str) -> pd.DataFrame:
    rows = read_arrow(path, name, columns=[*FRAME, "valid"]).to_pandas()
    return rows.loc[rows["valid"], FRAME]


def frames_of(row: Shown, face: Path, body: Path, count: int) -> tuple[list[int], pd.DataFrame]:
    """Frames at equal distances of those in which both parts are known, and the features there."""
    parts = []
    for path, name in ((face, "face"), (body, "body")):
        rows = read_arrow(path, name, clip_id=row.clip_id).to_pandas()
        mine = rows["valid"] & (rows["utterance_id"] == row.utterance_id) & (rows["speaker"] == row.speaker)
        parts.append(rows[mine])
    both = parts[0].merge(parts[1], on=FRAME, suffixes=("_face", "_body")).sort_values("frame", ignore_index=True)
    places = np.unique(np.linspace(0, len(both) - 1, count).round().astype(int))
    return both["frame"].iloc[places].tolist(), both.iloc[places]


def words_at(words: pd.DataFrame, frames: list[int]) -> list[str]:
    """The words that start from each frame on until the next; the first has those before it too."""
    starts = words["start_s"].to_numpy() * FPS
    place = np.clip(np.searchsorted(frames, starts, side="right") - 1, 0, None)
    return [" ".join(words["word"][place == number]) for number in range(len(frames))]


def _name(figure: Figure, row: Shown, middle: float, height: float) -> None:
    text = f"speaker {row.speaker}"
    look: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "weight": "bold", "size": 7}
    figure.text(0.11 / PAGE, middle / height, text, color=COLOURS[row.speaker % 2], **look)


def _picture(figure: Figure, picture: np.ndarray, left: float, bottom: float, cell: float, height: float) -> None:
    axes = figure.add_axes((left / PAGE, bottom / height, (cell - 0.03) / PAGE, (cell - 0.03) / height))
    axes.imshow(picture, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(GREY)


def _text(figure: Figure, time: str, words: str, left: float, top: float, cell: float, height: float) -> None:
    letters = round(cell / LETTERS_IN)
    for line, (text, colour) in enumerate(((time, QUIET), (shown(words, letters), "black"))):
        where = (left / PAGE, (top - 0.05 - 0.11 * line) / height)
        figure.text(*where, text, size=6, va="top", color=colour, parse_math=False)
