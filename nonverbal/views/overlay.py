"""A clip with what was found in it drawn over: persons, who speaks, words as they are spoken, motion tokens."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nonverbal.layouts import FPS, PARTS
from nonverbal.progress import track
from nonverbal.views.found import Found, find, frames_of
from nonverbal.views.paint import GAP, LINE, TEXT, Pen, Subtitles, draw_box, write_film

HEIGHT = 720  # the picture is scaled to this
LINES = 4  # under the picture: the words take two, tokens one for each speaker


class Painter:
    """Draws one frame after another.

    Args:
        found: what to draw.
        width, height: of the clip's pictures.
    """

    def __init__(self, found: Found, width: int, height: int) -> None:
        self.found, self.scale = found, HEIGHT / height
        self.width = round(width * self.scale / 2) * 2
        self.pen = Pen(self.width)
        self.words = Subtitles(found.words, self.width, found.colour_of)
        self.seen = dict(list(found.seen.groupby("frame")))
        self.crops = dict(list(found.crops.groupby("frame")))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn."""
        return self.width, HEIGHT + LINES * LINE

    def draw(self, number: int, frame: np.ndarray) -> np.ndarray:
        """Frame `number` with everything drawn on it, uint8 RGB."""
        canvas = np.zeros((HEIGHT + LINES * LINE, self.width, 3), dtype=np.uint8)
        canvas[:HEIGHT] = cv2.resize(frame, (self.width, HEIGHT), interpolation=cv2.INTER_AREA)
        for row in self.seen.get(number, self.found.seen.head(0)).to_dict("records"):
            self._person(canvas, row)
        for row in self.crops.get(number, self.found.crops.head(0)).to_dict("records"):
            draw_box(canvas, row, "person", self.scale, self.found.colour_of(row["speaker"]), 4)
        self.words.draw(canvas, HEIGHT, number / FPS)
        self._tokens(canvas, number)
        return canvas

    def _person(self, canvas: np.ndarray, row: dict[Any, Any]) -> None:
        colour, speaks = self.found.colours[row["person"]], row["speaking"] > 0
        draw_box(canvas, row, "person", self.scale, colour, 1)
        draw_box(canvas, row, "face", self.scale, colour, 4 if speaks else 1)
        label = f"#{row['track_id']} P{row['person']}" + (f" speaks {row['speaking']:+.1f}" if speaks else "")
        x, y = int(row["face_x0"] * self.scale), int(row["face_y0"] * self.scale) - GAP
        self.pen.write(canvas, label, (x, max(y, TEXT)), colour)

    def _tokens(self, canvas: np.ndarray, number: int) -> None:
        """The motion tokens at this frame, a line a speaker."""
        for part, column in zip(PARTS, (0, 12), strict=True):
            for run in self.found.tokens[part].to_dict("records"):
                place = (number - run["first_frame"]) // 8
                if 0 <= number - run["first_frame"] < run["frames"]:
                    colour = self.found.colour_of(run["speaker"])
                    top = HEIGHT + (2 + run["speaker"] % 2) * LINE
                    x, y = self.pen.start_line(canvas, run["speaker"], top, colour)
                    text = f"{part.upper()}_{run['tokens'][place]}"
                    self.pen.write(canvas, text, (x + column * TEXT // 2, y), colour)


def overlay(results: Path, clip_id: str, out: Path) -> None:
    """Draw a clip's findings and write them with its sound as H.264 and AAC.

    Raises:
        UserError: the results hold no such clip.
    """
    paint(find(results, clip_id), None, out)


def paint(found: Found, utterance_id: int | None, out: Path) -> None:
    """Write the video of an utterance, or of the whole clip."""
    span = found.span(utterance_id)
    painter = Painter(found, found.clip["width"], found.clip["height"])
    frames = track(frames_of(found, span), "overlay", len(span))
    write_film(out, (painter.draw(number, frame) for number, frame in frames), painter.size, found.audio, span)
