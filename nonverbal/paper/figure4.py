"""Figure 4: what MARS answers to turns of the test split, in words, tokens and pictures, beside the true answers."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nonverbal.errors import UserError
from nonverbal.layouts import FPS, PARTS, floor_frame
from nonverbal.mars.interleave import FRAMES_PER_TOKEN, without_motion
from nonverbal.paper.settings import Figure4
from nonverbal.paper.style import BLUE, COLUMN, GREY, INK, ORANGE, new_figure, save, shown
from nonverbal.schema import read_arrow
from nonverbal.talk.body import Decoder, Run, motion_of, runs_of
from nonverbal.talk.schedule import Pace, read_answer, schedule
from nonverbal.views.figure import Figures, Screen
from nonverbal.views.motion import Motion

LETTER_S = 1 / 15  # of speech, where nobody says how fast MARS speaks
HURRY = 1.5  # times as fast as that at most
CELL_PX, WIDE_PX, EDGE_PX = 260, 340, 2  # of a picture; of the body's before it is cut; white on either side
LINES, LINE = 3, 0.105  # of words; inches a line
LETTER = 0.062  # inches that a letter of a word takes
TOKENS, TITLE, SPACE = 0.26, 0.3, 0.12  # inches: both rows of codes; the turn that is answered; below an example
LEFT = 0.36  # inches, for labels
FILL = {"face": BLUE, "body": ORANGE}


class Told(NamedTuple):
    """An answer in time: words with their starts in seconds, runs of codes by part, frames."""

    words: list[tuple[str, float]]
    tokens: dict[str, list[Run]]
    frames: int


class Example(NamedTuple):
    """A turn of the test split, the true answer to it, MARS's, and the words of the untrained model's."""

    asked: str
    true: Told
    made: Told
    untrained: str


def figure4(
    generated: Path, test: Path, words: list[Path], tokens: list[Path], tokenizers: list[Path], settings: Figure4,
    seed: int, models: Path, png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Draw figure 4.

    Args:
        generated: answers of the untrained and of the trained model, as rule generate writes them.
        test: the records that they answer.
        words: tables of that name.
        tokens: tables `tokens` of face and body.
        tokenizers: their models.
        settings: how many answers, and how much of each.
        seed: of the draw among the answers.
        models: folder of models, of which FLAME and SMPL-X are shown if they are there.
        png, pdf: files to write.

    Raises:
        UserError: there is no answer.
    """
    found = draw(generated, settings.answers, seed)
    asked = questions(test)
    paths = dict(zip(PARTS, tokens, strict=True))
    examples = [
        Example(asked[key], truth(key, words, paths), imagined(trained), words_or_none(untrained))
        for key, (untrained, trained) in found.items()
    ]
    decoders = {part: Decoder.load(path) for part, path in zip(PARTS, tokenizers, strict=True)}
    save(page(examples, decoders, Figures(models), settings), png, pdf)


Key = tuple[str, int, int]  # clip, the utterance that is answered, the one that answers


def draw(generated: Path, answers: int, seed: int) -> dict[Key, tuple[str, str]]:
    """The texts of the untrained and of the trained model, of so many answers, drawn at random, in the file's order."""
    made: dict[str, dict[Key, str]] = {}
    with generated.open() as lines:
        for line in map(json.loads, lines):
            if not line["left_out"]:
                key = (line["clip_id"], line["utterances"][-2], line["utterances"][-1])
                made.setdefault(line["setting"], {})[key] = line["raw"]
    untrained, trained = made.get("zero_shot", {}), made.get("trained", {})
    keys = [key for key in trained if key in untrained]
    if not keys:
        raise UserError(f"there is no answer to draw: {generated} has none; add videos, or raise dataset.split.test")
    chosen = sorted(random.Random(seed).sample(range(len(keys)), min(answers, len(keys))))
    return {keys[i]: (untrained[keys[i]], trained[keys[i]]) for i in chosen}


def questions(test: Path) -> dict[Key, str]:
    """The words of the turn that each record answers."""
    with test.open() as lines:
        records = [json.loads(line) for line in lines]
    return {
        (record["clip_id"], record["utterances"][-2], record["utterances"][-1]): words_or_none(
            record["messages"][-2]["content"]
        )
        for record in records
    }


def words_or_none(text: str) -> str:
    """A turn's words, or that it has none."""
    return without_motion(text) or "(no word)"


def truth(key: Key, words: list[Path], tokens: dict[str, Path]) -> Told:
    """The true answer, with its measured times, from its first word or token."""
    clip_id, _, utterance_id = key
    said = [
        (row["word"], row["start_s"], row["end_s"])
        for path in words
        for row in read_arrow(path, "words", clip_id=clip_id).sort_by("word_index").to_pylist()
        if row["utterance_id"] == utterance_id
    ]
    runs = {
        part: [
            (row["first_frame"], row["tokens"])
            for row in read_arrow(path, "tokens", clip_id=clip_id).sort_by("first_frame").to_pylist()
            if row["utterance_id"] == utterance_id
        ]
        for part, path in tokens.items()
    }
    ends = [first + FRAMES_PER_TOKEN * len(codes) for found in runs.values() for first, codes in found]
    first = min([floor_frame(start) for _, start, _ in said] + [first for found in runs.values() for first, _ in found])
    frames = max(ends + [floor_frame(end) + 1 for *_, end in said]) - first
    return Told(
        [(word, start - first / FPS) for word, start, _ in said],
        {part: [(start - first, codes) for start, codes in found] for part, found in runs.items()},
        frames,
    )


def imagined(text: str) -> Told:
    """MARS's answer at the pace of LETTER_S; see docs/talk.md."""
    answer = read_answer(text)
    usual = [(len(word) + 1) * LETTER_S for word in answer.words]
    times = schedule(answer, [Pace(one, one / HURRY) for one in usual])
    return Told(list(zip(answer.words, times.starts, strict=True)), runs_of(answer, times), times.frames)


def page(examples: list[Example], decoders: dict[str, Decoder], figures: Figures, settings: Figure4) -> Figure:
    """The figure: examples one below the other, all on one scale of time."""
    width = COLUMN - LEFT - 0.1
    cell = width / settings.pictures
    answer = 2 * cell + TOKENS + LINES * LINE + 0.05
    height = (TITLE + 2 * answer + LINE + SPACE) * len(examples) + 0.2
    figure = new_figure(COLUMN, height)
    top = height

    def axes(tall: float) -> Axes:
        nonlocal top
        top -= tall
        return figure.add_axes((LEFT / COLUMN, top / height, width / COLUMN, tall / height))

    for example in examples:
        title(axes(TITLE), example.asked, width)
        for name, told in (("true", example.true), ("MARS", example.made)):
            motion = motion_of(told.tokens, max(told.frames, 1), decoders)
            pictures(axes(2 * cell), name, told, motion, Screen(figures, motion), settings)
            codes(axes(TOKENS), told, settings.seconds)
            spoken(axes(LINES * LINE), told, settings.seconds, width)
            top -= 0.05
        note = axes(LINE)
        note.axis("off")
        text = shown(f"untrained: {example.untrained}", longest=68)
        note.text(0, 0.5, text, va="center", fontsize=5.5, color="#5B6168", parse_math=False)
        top -= SPACE
    scale(axes(0.03), settings.seconds)
    return figure


def title(axes: Axes, asked: str, width: float) -> None:
    """The turn that is answered, on at most two lines."""
    axes.axis("off")
    lines = broken(shown(f"“{asked}”"), round((width + LEFT) / 0.062), 2)
    axes.text(
        -LEFT / width + 0.01, 0.12, "\n".join(lines), va="bottom", fontsize=6.5, fontweight="bold", parse_math=False
    )


def broken(text: str, letters: int, most: int) -> list[str]:
    """A text in lines of at most so many letters; what does not fit on them is an ellipsis."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][: letters - 1] + "…"]


def pictures(axes: Axes, name: str, told: Told, motion: Motion, screen: Screen, settings: Figure4) -> None:
    """Face above body in each part of the time; white after the answer's end."""
    edges = np.linspace(0, settings.seconds, settings.pictures + 1)
    known = np.any(list(motion.known.values()), axis=0)[: told.frames]
    frames = [key_frame(known, *(round(edge * FPS) for edge in part)) for part in pairwise(edges)]
    axes.imshow(np.hstack([shot(screen, frame) for frame in frames]), aspect="auto", interpolation="antialiased")
    axes.axis("off")
    axes.text(-0.02, 0.5, name, transform=axes.transAxes, rotation=90, ha="right", va="center", fontweight="bold")


def key_frame(known: np.ndarray, first: int, stop: int) -> int | None:
    """The frame with a token, or any where none has one, that is nearest to the middle of first .. stop - 1.

    Args:
        known: whether a frame has a token, [frames].
        first, stop: of a part of the time; None where the answer has ended by then.
    """
    part = np.arange(first, min(stop, len(known)))
    chosen = part[known[part]] if known[part].any() else part
    return int(chosen[np.abs(chosen - part.mean()).argmin()]) if len(part) else None


def shot(screen: Screen, frame: int | None) -> np.ndarray:
    """Face above body in a frame, with a white edge; all white where there is no frame."""
    canvas = np.full((2 * CELL_PX, CELL_PX, 3), 255, np.uint8)
    if frame is not None:
        body, face = screen.draw(frame, (WIDE_PX, WIDE_PX), (CELL_PX, CELL_PX))
        side = (WIDE_PX - CELL_PX) // 2
        canvas[:CELL_PX] = face
        canvas[CELL_PX:] = body[side // 2 :, side:][:CELL_PX, :CELL_PX]  # empty space about the body is cut away
        canvas[:, :EDGE_PX] = canvas[:, -EDGE_PX:] = 255
    return canvas


def codes(axes: Axes, told: Told, seconds: float) -> None:
    """A cell a token with its code: faces above, bodies below."""
    axes.set(xlim=(0, seconds), ylim=(0, 2), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for row, part in enumerate(reversed(PARTS)):
        axes.text(-0.012 * seconds, row + 0.5, part.upper(), ha="right", va="center", fontsize=5, color=INK)
        axes.axhline(row + 0.5, color=GREY, linewidth=0.4, zorder=0)
        for start, end, code in cells(told.tokens[part], seconds):
            look: dict[str, Any] = {"facecolor": FILL[part], "alpha": 0.3, "edgecolor": "white", "linewidth": 0.8}
            axes.broken_barh([(start, end - start)], (row + 0.06, 0.88), **look)
            axes.text((start + end) / 2, row + 0.47, str(code), ha="center", va="center", fontsize=5, clip_on=True)


def cells(runs: list[Run], seconds: float) -> list[tuple[float, float, int]]:
    """Start, end (seconds) and code of each token of these runs that begins in so many seconds; the last may be cut."""
    every = [(first + FRAMES_PER_TOKEN * i, code) for first, codes in runs for i, code in enumerate(codes)]
    times = [(frame / FPS, (frame + FRAMES_PER_TOKEN) / FPS, code) for frame, code in every]
    return [(start, min(end, seconds), code) for start, end, code in times if start < seconds]


def spoken(axes: Axes, told: Told, seconds: float, width: float) -> None:
    """Words below the moments at which they begin, each on the line that is free first."""
    axes.set(xlim=(0, seconds), ylim=(LINES, 0))
    axes.axis("off")
    ends = [0.0] * LINES
    for word, start in told.words:
        if start >= seconds:
            break
        line = next((i for i, end in enumerate(ends) if end <= start), int(np.argmin(ends)))
        at = max(start, ends[line])
        text = shown(word, longest=24)
        ends[line] = at + (len(text) * LETTER + 0.04) * seconds / width
        if ends[line] > seconds + 0.1:
            text = text if at < start + 0.5 else ""
        axes.plot([start, start], [-0.12, 0.12], color=INK, linewidth=0.7, clip_on=False)
        axes.plot([start, at], [0.12, line + 0.22], color=GREY, linewidth=0.4)
        axes.text(at, line + 0.62, text, va="center", fontsize=5.5, parse_math=False, clip_on=True)
    if not told.words:
        axes.text(0, 0.62, "(no word)", va="center", fontsize=5.5, color="#5B6168")


def scale(axes: Axes, seconds: float) -> None:
    """The time, in seconds."""
    axes.set(xlim=(0, seconds), yticks=[], xticks=range(int(seconds) + 1))
    axes.set_xticklabels([f"{i} s" for i in range(int(seconds) + 1)])
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.tick_params(labelsize=5.5, length=2, pad=1, width=0.5)
