"""Text, boxes and words as they are spoken, drawn on pictures; and pictures with sound as a video."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pandas as pd

from nonverbal.media import VideoWriter, run_ffmpeg
from nonverbal.views.found import Span

TEXT, LINE, GAP = 22, 32, 8  # pixels: size of letters, height of a line, space between words
BLACK, GREY = (0, 0, 0), (150, 150, 150)
Colour = tuple[int, int, int]


class Pen:
    """Writes on pictures of one width, in a font that has Chinese, Japanese and Korean too."""

    def __init__(self, width: int, size: int = TEXT) -> None:
        self.width, self.size = width, size
        self.font = cv2.FontFace("uni")

    def length(self, text: str) -> int:
        """Pixels that a text takes."""
        return int(cv2.getTextSize((0, 0), text, (0, 0), self.font, self.size)[2])

    def write(self, canvas: np.ndarray, text: str, place: tuple[int, int], colour: Colour) -> int:
        """Write on a black ground; where the text ended, in pixels from the left."""
        place = (max(min(place[0], self.width - self.length(text)), 0), place[1])
        x0, y0, width, height = cv2.getTextSize(canvas.shape[1::-1], text, place, self.font, self.size)
        cv2.rectangle(canvas, (x0 - 2, y0 - 2), (x0 + width + 2, y0 + height + 2), BLACK, -1)
        end, _ = cv2.putText(canvas, text, place, colour, self.font, self.size)
        return int(end[0])

    def start_line(self, canvas: np.ndarray, speaker: int | str, top: int, colour: Colour) -> tuple[int, int]:
        """Begin a speaker's line below `top`; where its text goes."""
        y = top + LINE - 10
        return self.write(canvas, f"{speaker}:", (8, y), colour) + GAP, y


def draw_box(canvas: np.ndarray, row: dict[Any, Any], which: str, scale: float, colour: Colour, line: int) -> None:
    """A row's face or person box, in a picture scaled by `scale`."""
    x0, y0, x1, y1 = (round(row[f"{which}_{corner}"] * scale) for corner in ("x0", "y0", "x1", "y1"))
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, line)


class Subtitles:
    """The utterance being said: words in the speaker's colour from the moment they start, grey before.

    Args:
        words: of a clip or of one utterance.
        width: of the pictures.
        colour_of: a speaker's colour.
    """

    def __init__(self, words: pd.DataFrame, width: int, colour_of: Callable[[int], Colour]) -> None:
        self.words, self.colour_of, self.pen = words, colour_of, Pen(width)

    def draw(self, canvas: np.ndarray, top: int, time: float) -> None:
        """Two lines below `top`, at a time in the clip."""
        begun = self.words[self.words["start_s"] <= time]
        if begun.empty or begun["end_s"].max() < time - 1:
            return
        now = begun.iloc[-1]
        said = self.words[self.words["utterance_id"] == now["utterance_id"]].to_dict("records")
        colour = self.colour_of(now["speaker"])
        left, y = self.pen.start_line(canvas, now["speaker"], top, colour)
        for line in self._lines(said, now["word_index"], self.pen.width - left):
            x = left
            for word in line:
                x = self.pen.write(canvas, word["word"], (x, y), colour if word["start_s"] <= time else GREY) + GAP
            y += LINE

    def _lines(self, words: list[dict[Any, Any]], current: int, width: int) -> list[list[dict[Any, Any]]]:
        """Words in lines of so many pixels: the line with the current word (a word_index) and the one after it."""
        lines: list[list[dict[Any, Any]]] = [[]]
        used = 0
        for word in words:
            long = self.pen.length(word["word"]) + GAP
            if lines[-1] and used + long > width:
                lines.append([])
                used = 0
            lines[-1].append(word)
            used += long
        first = next(i for i, line in enumerate(lines) if line[-1]["word_index"] >= current)
        return lines[first : first + 2]


def write_film(out: Path, frames: Iterable[np.ndarray], size: tuple[int, int], audio: Path | None, span: Span) -> None:
    """Pictures as H.264 with the sound of those frames as AAC.

    Args:
        out: .mp4 to write.
        frames: one picture, uint8 RGB, a frame of `span`.
        size: width and height, even.
        audio: sound of the clip, or none.
        span: frames of the clip.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    start, length = (f"{value:.3f}" for value in span.seconds)
    with TemporaryDirectory(dir=out.parent) as folder:
        silent = Path(folder) / "silent.mp4"
        with VideoWriter(silent, *size) as writer:
            for frame in frames:
                writer.write(frame)
        sound = ("-ss", start, "-t", length, "-i", str(audio)) if audio else ()
        run_ffmpeg(
            "-i", str(silent), *sound, "-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart", "-map_metadata", "-1",
            "-fflags", "+bitexact", "-flags:a", "+bitexact", str(out),
        )  # fmt: skip
