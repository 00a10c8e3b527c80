"""When each word and motion token of an answer comes: motion is the clock, and speech follows it.

A pair of tokens lasts eight frames, as in the training data, and the stream says between which two pairs a word begins.
So the pairs follow each other without a break, and each word begins where it stands, said faster where time is short.
More words between two pairs than can be said there are what the training data have where nobody is seen: then time
goes by at the pace of the speech, and nothing is known of the motion. Words and pairs at the times that come out, put
in order as stage mars does it, are the model's own text again.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from nonverbal.layouts import FPS, floor_frame
from nonverbal.mars.interleave import FRAMES_PER_TOKEN, NOT_WORDS

PAIR = re.compile(r"<FACE_(\d+)>\s*<BODY_(\d+)>")


class Answer(NamedTuple):
    """An answer taken apart: its words, how many pairs come before each, and the pairs (face code, body code)."""

    words: list[str]
    before: list[int]
    pairs: list[tuple[int, int]]


class Pace(NamedTuple):
    """How long a word takes, seconds: to the next word as it is usually said, and at least."""

    usual: float
    least: float


class Schedule(NamedTuple):
    """Start of each word in seconds, first frame of each pair, and frames of the whole."""

    starts: list[float]
    firsts: list[int]
    frames: int


def read_answer(text: str) -> Answer:
    """Take a generated text apart; a motion token without its other half is left out."""
    *pieces, last = PAIR.split(text)
    between = [*pieces[::3], last]
    words = [(word, slot) for slot, said in enumerate(between) for word in NOT_WORDS.sub(" ", said).split()]
    pairs = [(int(face), int(body)) for face, body in zip(pieces[1::3], pieces[2::3], strict=True)]
    return Answer([word for word, _ in words], [slot for _, slot in words], pairs)


def schedule(answer: Answer, paces: Sequence[Pace]) -> Schedule:
    """The times of an answer whose words take so long."""
    starts: list[float] = []
    firsts: list[int] = []
    for slot in range(len(answer.pairs) + 1):
        soonest = firsts[-1] + FRAMES_PER_TOKEN if firsts else 0
        new = range(len(starts), len(starts) + answer.before.count(slot))
        times = begin(new, starts, paces, firsts[-1] if firsts else None)
        starts += times
        if slot < len(answer.pairs):
            firsts.append(max(soonest, floor_frame(times[-1])) if times else soonest)
    spoken = starts[-1] + paces[-1].usual if starts else 0.0
    moved = firsts[-1] + FRAMES_PER_TOKEN if firsts else 0
    return Schedule(starts, firsts, max(moved, -floor_frame(-spoken)))


def begin(new: range, starts: list[float], paces: Sequence[Pace], pair: int | None) -> list[float]:
    """Starts of the words between a pair and the next, of which there may be none.

    Args:
        new: numbers of the words.
        starts: of the words before them.
        paces: of all words.
        pair: first frame of the pair before them; None before the first.
    """
    if pair is None:
        return one_by_one([0.0] * len(new), new, starts, [pace.usual for pace in paces])
    middles = [(pair + 1 + FRAMES_PER_TOKEN * (i + 0.5) / len(new)) / FPS for i in range(len(new))]
    fast = one_by_one(middles, new, starts, [pace.least for pace in paces])
    if not fast or floor_frame(fast[-1]) <= pair + FRAMES_PER_TOKEN:
        return fast
    return one_by_one(middles, new, starts, [pace.usual for pace in paces])


def one_by_one(wanted: list[float], new: range, starts: list[float], lengths: list[float]) -> list[float]:
    """Starts as wanted, or when the word before ends."""
    free = starts[-1] + lengths[len(starts) - 1] if starts else 0.0
    times = []
    for number, time in zip(new, wanted, strict=True):
        times.append(max(time, free))
        free = times[-1] + lengths[number]
    return times


def runs(firsts: Sequence[int]) -> list[range]:
    """Numbers of the pairs that follow each other without a break."""
    breaks = [i for i, (one, other) in enumerate(pairwise(firsts), 1) if other - one != FRAMES_PER_TOKEN]
    return [range(*ends) for ends in pairwise([0, *breaks, len(firsts)])] if firsts else []
