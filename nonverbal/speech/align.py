"""Times for caption words: captions are cut into chunks of sound, and those at the clip's edges are trimmed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nonverbal.media import SAMPLE_RATE
from nonverbal.speech.captions import Cue
from nonverbal.speech.pocketsphinx_words import Word
from nonverbal.speech.settings import Transcribe
from nonverbal.speech.turns import Sound

Align = Callable[[np.ndarray, tuple[str, ...]], tuple[float, list[Word]] | None]


@dataclass(frozen=True)
class Chunk:
    """Cues that are aligned together, and the sound in which their words lie, in seconds of the clip."""

    cues: tuple[Cue, ...]
    start_s: float
    end_s: float


def chunks(cues: list[Cue], length_s: float, settings: Transcribe) -> list[Chunk]:
    """Group cues in order of time; a cue that runs over an edge of the clip is a chunk of its own.

    Cues are grouped while less than twice the padding is between them and the chunk is not too long. Padding never
    reaches further than half way to the next chunk.
    """
    groups: list[list[Cue]] = []
    for cue in cues:
        last = groups[-1] if groups else None
        if last and _together(last, cue, length_s, settings):
            last.append(cue)
        else:
            groups.append([cue])
    starts = [group[0].start_s for group in groups]
    ends = [max(cue.end_s for cue in group) for group in groups]
    found = []
    for i, group in enumerate(groups):
        before = max(0.0, starts[i] - ends[i - 1]) / 2 if i else settings.padding_s
        after = max(0.0, starts[i + 1] - ends[i]) / 2 if i + 1 < len(groups) else settings.padding_s
        start, end = starts[i] - min(before, settings.padding_s), ends[i] + min(after, settings.padding_s)
        found.append(Chunk(tuple(group), max(0.0, start), min(length_s, end)))
    return found


def _together(group: list[Cue], cue: Cue, length_s: float, settings: Transcribe) -> bool:
    inside = group[0].start_s >= 0 and cue.end_s <= length_s
    near = cue.start_s - max(one.end_s for one in group) < 2 * settings.padding_s
    return inside and near and cue.end_s - group[0].start_s <= settings.longest_chunk_s


def interpolate(cue: Cue) -> list[Word]:
    """The words of a cue spread over its time by their length; times may lie outside the clip."""
    lengths = np.array([len(word) + 1 for word in cue.words], dtype=float)
    edges = cue.start_s + (cue.end_s - cue.start_s) * np.concatenate([[0], np.cumsum(lengths) / lengths.sum()])
    spans = zip(cue.words, edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [Word(word, start, end, None, True) for word, start, end in spans]


def within(words: list[Word], length_s: float) -> list[Word]:
    """The words whose middle is in the clip, in order of start, cut to the clip; every word lasts at least 10 ms."""
    inside = [word for word in words if 0 <= (word.start_s + word.end_s) / 2 < length_s]
    found, earliest = [], 0.0
    for word in sorted(inside, key=lambda word: word.start_s):
        start = min(max(word.start_s, earliest), length_s - 0.01)
        found.append(replace(word, start_s=start, end_s=min(max(word.end_s, start + 0.01), length_s)))
        earliest = start
    return found


def align_cues(samples: Sound, cues: list[Cue], align: Align, settings: Transcribe) -> list[Word]:
    """Times of all caption words in the clip; words of a chunk that cannot be aligned are interpolated.

    Args:
        samples: the clip's sound, 16 kHz, [samples].
        cues: with times of the clip; may run over its edges, or lie just beside it.
        align: sound and words -> log-likelihood and timed words, or None.
        settings: padding and length of chunks, how late captions may be.
    """
    length_s = len(samples) / SAMPLE_RATE
    late_s = lateness(samples, cues, align, settings) if settings.longest_lateness_s else 0.0
    if settings.padding_s < abs(late_s) <= settings.longest_lateness_s:  # less than the padding does no harm
        cues = [cue.shifted(late_s) for cue in cues]
    cues = [cue for cue in cues if cue.end_s > 0 and cue.start_s < length_s]
    found: list[Word] = []
    for chunk in chunks(cues, length_s, settings):
        spread = [word for cue in chunk.cues for word in interpolate(cue)]
        sound = samples[round(chunk.start_s * SAMPLE_RATE) : round(chunk.end_s * SAMPLE_RATE)]
        aligned = fit(sound, spread, length_s, align, settings.edge_gain)
        found += spread if aligned is None else [word.shifted(chunk.start_s) for word in aligned]
    return within(found, length_s)


def lateness(samples: Sound, cues: list[Cue], align: Align, settings: Transcribe) -> float:
    """Seconds by which captions come after their first words, the median over the captions; negative: they are early.

    Captions are often late by one and the same time. They are aligned once with so much sound around them that words
    which are `longest_lateness_s` away are found; a caption at an edge of the clip, or a single one, tells nothing.
    """
    length_s = len(samples) / SAMPLE_RATE
    inside = [cue for cue in cues if cue.start_s >= 0 and cue.end_s <= length_s]
    if len(inside) < 2:
        return 0.0
    late: list[float] = []
    for chunk in chunks(inside, length_s, settings.model_copy(update={"padding_s": settings.longest_lateness_s})):
        sound = samples[round(chunk.start_s * SAMPLE_RATE) : round(chunk.end_s * SAMPLE_RATE)]
        aligned = align(sound, tuple(word for cue in chunk.cues for word in cue.words))
        if aligned is not None:
            firsts = np.cumsum([0] + [len(cue.words) for cue in chunk.cues[:-1]])
            starts = [chunk.start_s + aligned[1][first].start_s for first in firsts]
            late += [cue.start_s - start for cue, start in zip(chunk.cues, starts, strict=True)]
    return float(np.median(late)) if len(late) > 1 else 0.0


def fit(sound: np.ndarray, spread: list[Word], length_s: float, align: Align, gain: float) -> list[Word] | None:
    """Align the words of a chunk; where its cue runs over an edge of the clip, those that fit the sound best.

    Captions do not say which words of a cue come before an edge. From the interpolated guess on, the number of words
    that are outside is changed as long as each word more or less raises the log-likelihood by more than `gain`.
    """
    words = tuple(word.word for word in spread)
    first = sum((word.start_s + word.end_s) / 2 < 0 for word in spread)
    last = len(words) - sum((word.start_s + word.end_s) / 2 >= length_s for word in spread)
    if spread[0].start_s < 0:
        first = climb(lambda count: score(align(sound, words[count:last])), first, 0, last - 1, gain)
    if spread[-1].end_s > length_s:
        last = climb(lambda count: score(align(sound, words[first:count])), last, first + 1, len(words), gain)
    aligned = align(sound, words[first:last]) if first < last else None
    return None if aligned is None else aligned[1]


def score(aligned: tuple[float, list[Word]] | None) -> float:
    """Log-likelihood of an alignment; minus infinity where there is none."""
    return -np.inf if aligned is None else aligned[0]


def climb(value: Callable[[int], float], start: int, lowest: int, highest: int, gain: float) -> int:
    """From `start`, go step by step while each step raises the value by more than `gain`."""
    if not lowest <= start <= highest:
        return start
    best, at = value(start), start
    for step in (-1, 1):
        while lowest <= at + step <= highest and (next_value := value(at + step)) > best + gain:
            best, at = next_value, at + step
    return at
