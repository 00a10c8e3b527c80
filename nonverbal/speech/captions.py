"""WebVTT captions: cues with times, words without markup (W3C WebVTT; only what captions of speech use)."""

import html
import re
from dataclasses import dataclass
from pathlib import Path

TIMING = re.compile(r"^((?:\d+:)?\d\d:\d\d\.\d{3})\s+-->\s+((?:\d+:)?\d\d:\d\d\.\d{3})")
TAG = re.compile(r"<[^>]*>")
NOISE = re.compile(r"\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|[♪♫]")  # [music], (laughs)
SPEAKER_LABEL = re.compile(r"^\s*(?:>>+|-)\s*|^\s*[A-Z][A-Z .]{1,30}:\s+")  # ">> ", "- ", "JOHN: "


@dataclass(frozen=True)
class Cue:
    """Words that are shown from start to end, in seconds."""

    start_s: float
    end_s: float
    words: tuple[str, ...]

    def shifted(self, seconds: float) -> "Cue":
        """The cue so many seconds earlier."""
        return Cue(self.start_s - seconds, self.end_s - seconds, self.words)


def read_cues(path: Path) -> list[Cue]:
    """The cues of a WebVTT file that have words, in order of start.

    A line that only repeats the last line of the cue before (captions that roll up) is dropped, and so are
    sounds in brackets and speaker labels.
    """
    cues, before = [], ""
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8").replace("\r\n", "\n")):
        lines = block.strip().split("\n")
        timing = next((i for i, line in enumerate(lines) if TIMING.match(line)), None)
        if timing is None:
            continue
        match = TIMING.match(lines[timing])
        assert match is not None
        text = [html.unescape(TAG.sub("", line)).strip() for line in lines[timing + 1 :]]
        new = text[1:] if text and text[0] == before else text
        before = next((line for line in reversed(text) if line), before)
        words = plain_words(new)
        if words and seconds(match[2]) > seconds(match[1]):
            cues.append(Cue(seconds(match[1]), seconds(match[2]), words))
    return sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))


def plain_words(lines: list[str]) -> tuple[str, ...]:
    """What is said in lines of a cue: words with their punctuation, each with a letter or a digit in it."""
    text = " ".join(SPEAKER_LABEL.sub("", line) for line in lines)
    return tuple(word for word in NOISE.sub(" ", text).split() if any(character.isalnum() for character in word))


def seconds(stamp: str) -> float:
    """Seconds of a time stamp [hours:]minutes:seconds.milliseconds."""
    total = 0.0
    for part in stamp.split(":"):
        total = total * 60 + float(part)
    return total


def cues_within(cues: list[Cue], start_s: float, end_s: float, margin_s: float = 0.0) -> list[Cue]:
    """The cues that overlap a span of the video or come within a margin of it, with times relative to its start."""
    first, last = start_s - margin_s, end_s + margin_s
    return [cue.shifted(start_s) for cue in cues if cue.end_s > first and cue.start_s < last]
