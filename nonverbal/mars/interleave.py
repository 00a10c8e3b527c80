"""Words and motion tokens of one utterance as one line of text, and back (paper section 3.3).

A word stands at the frame it starts in, a motion token at the first frame of its group of eight. The order is by
frame; at a tie the word comes first, then the face, then the body.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from nonverbal.layouts import PARTS, floor_frame

FRAMES_PER_TOKEN = 8
WORD, FACE, BODY = range(3)  # the order at a tie
MOTION = re.compile(r"<(FACE|BODY)_(\d+)>")
START_OF_TURN, END_OF_TURN = MARKS = ("<SOT>", "<EOT>")
NOT_WORDS = re.compile("|".join((MOTION.pattern, *MARKS)))
# A transcript must not be able to write a motion token or a chat mark.
SAFE = str.maketrans("<>", "‹›")


class Event(NamedTuple):
    """A word or a motion token, at a frame of the clip."""

    frame: int
    kind: int
    text: str


class Line(NamedTuple):
    """An utterance taken apart: words joined by spaces, face codes, body codes."""

    text: str
    face: list[int]
    body: list[int]


def motion_token(part: str, code: int) -> str:
    """The vocabulary's name of a code: <FACE_i> or <BODY_i>."""
    return f"<{part.upper()}_{code}>"


def word_events(words: Iterable[tuple[str, float]]) -> list[Event]:
    """Words with their starts in seconds, in spoken order; angle brackets in them become ‹ and ›."""
    return [Event(floor_frame(start), WORD, word.translate(SAFE)) for word, start in words]


def motion_events(part: str, runs: Iterable[tuple[int, Sequence[int]]]) -> list[Event]:
    """Codes of one part in runs of (first frame, codes); between two runs the speaker was not seen."""
    kind = FACE + PARTS.index(part)
    return [
        Event(first + FRAMES_PER_TOKEN * i, kind, motion_token(part, code))
        for first, codes in runs
        for i, code in enumerate(codes)
    ]


def interleave(*streams: Iterable[Event]) -> list[Event]:
    """All events by frame, then word, face, body; events that tie in both keep their order."""
    return sorted(chain(*streams), key=lambda event: (event.frame, event.kind))


def marked(text: str) -> str:
    """A turn between <SOT> and <EOT>."""
    return f"{START_OF_TURN}{text}{END_OF_TURN}"


def render(events: Iterable[Event]) -> str:
    """Events as text: a space before each word, none about motion tokens, which would double the length."""
    return "".join(f" {event.text}" if event.kind == WORD else event.text for event in events).lstrip()


def parse(text: str) -> Line:
    """The inverse of `render`, marked or not; for texts of a model too."""
    codes: dict[str, list[int]] = {"FACE": [], "BODY": []}
    for name, code in MOTION.findall(text):
        codes[name].append(int(code))
    return Line(without_motion(text), codes["FACE"], codes["BODY"])


def without_motion(text: str) -> str:
    """The words alone, one space between two."""
    return " ".join(NOT_WORDS.sub("", text).split())


def silent_turn(text: str) -> str:
    """A turn as it would be without motion: its words, between the marks where it has them."""
    words = without_motion(text)
    return marked(words) if text.startswith(START_OF_TURN) else words
