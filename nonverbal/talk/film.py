"""The video of an answer: an avatar that its motion moves, its words as they are said, and what was asked."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from nonverbal.layouts import FPS
from nonverbal.mars.interleave import FRAMES_PER_TOKEN, motion_token
from nonverbal.media import write_audio
from nonverbal.progress import track
from nonverbal.talk.schedule import Answer, Schedule
from nonverbal.views.figure import Figures, Screen
from nonverbal.views.found import PALETTE, WHITE
from nonverbal.views.motion import Motion
from nonverbal.views.paint import GREY, LINE, Pen, Subtitles, write_film

BODY, FACE = (400, 480), (240, 240)  # pixels
LINES = 2  # of words below
SMALL, SMALL_LINE = 16, 22  # pixels: letters of what was asked, height of a line
ASKED, ANSWERED = PALETTE[0], PALETTE[1]
NAME = "MARS"


class Scene:
    """Draws the frames of an answer.

    Args:
        asked: the sentence that is answered.
        answer: words and pairs.
        times: when they come.
        ends: of the words, seconds.
        motion: what the pairs say.
        figures: the models at hand.
    """

    def __init__(
        self, asked: str, answer: Answer, times: Schedule, ends: list[float], motion: Motion, figures: Figures
    ) -> None:
        self.answer, self.times, self.motion = answer, times, motion
        self.screen = Screen(figures, motion)
        self.pen = Pen(FACE[0], SMALL)
        self.caption = Pen(BODY[0], SMALL)
        self.asked = wrapped(f"You: {asked}", self.pen, (BODY[1] - FACE[1]) // SMALL_LINE - 2)
        words = pd.DataFrame({"word": answer.words, "start_s": times.starts, "end_s": ends})
        words = words.assign(utterance_id=0, word_index=np.arange(len(words)), speaker=NAME)
        self.words = Subtitles(words, self.size[0], lambda _: ANSWERED)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, even."""
        return BODY[0] + FACE[0], BODY[1] + LINES * LINE

    def frames(self) -> Iterator[np.ndarray]:
        """Each frame, uint8 RGB [height, width, 3]."""
        for frame in track(range(self.times.frames), "talk"):
            yield self.draw(frame)

    def draw(self, frame: int) -> np.ndarray:
        """One frame."""
        width, height = self.size
        canvas = np.zeros((height, width, 3), np.uint8)
        body, face = self.screen.draw(frame, BODY, FACE)
        canvas[: BODY[1], : BODY[0]], canvas[: FACE[1], BODY[0] :] = body, face
        self.caption.write(canvas, self.screen.caption, (6, SMALL + 4), WHITE)
        side = canvas[FACE[1] : BODY[1], BODY[0] :]
        for i, line in enumerate(self.asked):
            self.pen.write(side, line, (8, (i + 1) * SMALL_LINE), ASKED)
        self.pen.write(side, self.tokens(frame), (8, side.shape[0] - 8), GREY)
        self.words.draw(canvas, BODY[1], frame / FPS)
        return canvas

    def tokens(self, frame: int) -> str:
        """The pair that a frame is of."""
        for first, pair in zip(self.times.firsts, self.answer.pairs, strict=True):
            if first <= frame < first + FRAMES_PER_TOKEN:
                return " ".join(motion_token(part, code) for part, code in zip(("face", "body"), pair, strict=True))
        return "no motion token here"

    def write(self, out: Path, samples: np.ndarray) -> None:
        """Write the video with its sound, 16 kHz."""
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent) as folder:
            sound = Path(folder) / "speech.wav"
            write_audio(sound, samples)
            write_film(out, self.frames(), self.size, sound, self.motion.span)


def wrapped(text: str, pen: Pen, lines: int) -> list[str]:
    """A text in at most so many lines of the pen's width; the last ends in dots where there is more."""
    found = [""]
    for word in text.split():
        longer = f"{found[-1]} {word}".strip()
        if pen.length(longer) > pen.width - 16 and found[-1]:
            found.append(word)
        else:
            found[-1] = longer
    return found if len(found) <= lines else [*found[: lines - 1], found[lines - 1] + " …"]
