"""Turns: who speaks from when to when, and what a list of them says of a clip."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nonverbal.media import Recording


class Turn(NamedTuple):
    """One speaker from start to end, in seconds of the clip; turns of different speakers may overlap."""

    speaker: int
    start_s: float
    end_s: float


Sound: TypeAlias = np.ndarray | Recording  # 16 kHz mono samples
Diarizer: TypeAlias = Callable[[Sound, int], list[Turn]]
"""Sound and people seen (0: unknown) -> turns, speakers numbered by first turn."""


def join_turns(turns: Iterable[Turn], longest_gap_s: float) -> list[Turn]:
    """Join turns of one speaker that overlap, or that are less than a gap apart with nobody else in the gap.

    Returns:
        turns in order of start; no two of one speaker overlap.
    """
    ordered = sorted(turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))
    joined: list[Turn] = []
    for turn in ordered:
        index = next((i for i in reversed(range(len(joined))) if joined[i].speaker == turn.speaker), None)
        last = None if index is None else joined[index]
        if index is None or last is None or not _continues(last, turn, ordered, longest_gap_s):
            joined.append(turn)
        else:
            joined[index] = last._replace(end_s=max(last.end_s, turn.end_s))
    return joined


def annotated_turns(annotation: Any, length_s: float) -> list[Turn]:  # noqa: ANN401 - pyannote.core has no types
    """The turns of a `pyannote.core.Annotation` that lie in the sound, speakers numbered by first turn."""
    tracks = [(span.start, span.end, label) for span, _, label in annotation.itertracks(yield_label=True)]
    inside = sorted((max(0.0, start), min(end, length_s), label) for start, end, label in tracks)
    number = {label: index for index, label in enumerate(dict.fromkeys(label for *_, label in inside))}
    return [Turn(number[label], start, end) for start, end, label in inside if end > start]


def _continues(last: Turn, turn: Turn, turns: list[Turn], longest_gap_s: float) -> bool:
    if turn.start_s <= last.end_s:
        return True
    others = (one for one in turns if one.speaker != turn.speaker)
    taken = any(one.start_s < turn.start_s and one.end_s > last.end_s for one in others)
    return turn.start_s - last.end_s < longest_gap_s and not taken


def summarise(turns: list[Turn]) -> dict[str, float]:
    """The row of table speakers of a clip, without its id and people."""
    spoken: dict[int, float] = {}
    longest: dict[int, float] = {}
    for turn in turns:
        length = turn.end_s - turn.start_s
        spoken[turn.speaker] = spoken.get(turn.speaker, 0.0) + length
        longest[turn.speaker] = max(longest.get(turn.speaker, 0.0), length)
    _, second, *rest = [*sorted(spoken, key=lambda who: -spoken[who]), -1, -1]
    total = sum(spoken.values()) or 1.0
    speech, overlap = speech_and_overlap(turns)
    return {
        "speakers": len(spoken), "speech_s": speech, "overlap_s": overlap,
        "second_share": spoken.get(second, 0.0) / total, "second_turn_s": longest.get(second, 0.0),
        "rest_share": sum(spoken.get(who, 0.0) for who in rest) / total,
        "rest_turn_s": max((longest.get(who, 0.0) for who in rest), default=0.0),
    }  # fmt: skip


def speech_and_overlap(turns: list[Turn]) -> tuple[float, float]:
    """Seconds in which anyone speaks, and in which two or more do."""
    changes = sorted([(turn.start_s, 1) for turn in turns] + [(turn.end_s, -1) for turn in turns])
    speech, overlap, active = 0.0, 0.0, 0
    for (start, change), (end, _) in itertools.pairwise(changes):
        active += change
        speech += (end - start) * (active >= 1)
        overlap += (end - start) * (active >= 2)
    return speech, overlap
