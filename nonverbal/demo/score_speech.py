"""Who spoke when, which words, and when each began."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
import pandas as pd
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from scipy.optimize import linear_sum_assignment

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score, mean
from nonverbal.schema import read_table

COLLARS = {0.25: 0.10, 0.0: np.nan}  # seconds around each true boundary, half before and half after -> goal
WER_GOAL, START_GOAL_MS = 0.10, 40


class Heard(NamedTuple):
    """A word in a clip: without case and punctuation, who says it, and when it begins in the clip."""

    word: str
    speaker: int
    start_s: float


def diarization_scores(known: Known, turns: list[Path]) -> Iterator[Score]:
    """Diarization error rate on the good clips; the baseline has one speaker speak throughout."""
    table = read_table(turns, "turns")
    for collar, goal in COLLARS.items():
        ours, lone = DiarizationErrorRate(collar=collar), DiarizationErrorRate(collar=collar)
        for clip_id, clip in known.good.items():
            whole = Segment(0, clip.end_s - clip.start_s)
            truth = annotation(
                (turn.start_s - clip.start_s, turn.end_s - clip.start_s, turn.person) for turn in known.turns(clip)
            ).crop(whole)
            rows = table[table["clip_id"] == clip_id]
            found = annotation(zip(rows["start_s"], rows["end_s"], rows["speaker"], strict=True))
            ours(truth, found, uem=Timeline([whole]))
            lone(truth, annotation([(0, whole.end, 0)]), uem=Timeline([whole]))
        name = f"diarization error rate, collar {collar:g} s"
        yield Score("speech", name, abs(ours), abs(lone), "less", goal, "share of speech", len(known.good))


def annotation(turns: Iterator[tuple[float, float, int]] | list[tuple[float, float, int]]) -> Annotation:
    """pyannote's form of (start, end, speaker)."""
    result = Annotation()
    for number, (start, end, speaker) in enumerate(turns):
        result[Segment(start, end), number] = str(speaker)
    return result


def word_scores(known: Known, transcript: list[Path], languages: list[Path], words: list[Path]) -> Iterator[Score]:
    """Word error rate by where the words come from; error of the starts; who said them.

    Baselines: no words at all; the clip's words spread evenly; all words by the clip's more talkative person.
    """
    written, said = read_table(transcript, "transcript"), read_table(words, "words")
    source = read_table(languages, "languages").set_index("clip_id")["words_source"]
    clips = [clip_id for clip_id in known.good if clip_id in source.index]
    for name in sorted(set(source.loc[clips])):
        part = [clip_id for clip_id in clips if source[clip_id] == name]
        truth = [" ".join(heard.word for heard in true_words(known, clip_id)) for clip_id in part]
        found = [" ".join(heard.word for heard in found_words(written, clip_id)) for clip_id in part]
        result = jiwer.process_words(truth, found)
        count = result.hits + result.substitutions + result.deletions
        goal = np.nan if "decoded" in name else WER_GOAL  # nobody wrote those words down
        yield Score("speech", f"word error rate, words from {name}", result.wer, 1.0, "less", goal, "share", count)
    yield start_score(known, written, clips)
    yield speaker_score(known, said, clips)


def start_score(known: Known, written: pd.DataFrame, clips: list[str]) -> Score:
    """Median error of the starts of the words that were found."""
    errors, even = [], []
    for clip_id in clips:
        truth = true_words(known, clip_id)
        errors += [abs(a.start_s - b.start_s) for a, b in matched(truth, found_words(written, clip_id))]
        clip = known.clips[clip_id]
        spread = np.linspace(0, clip.end_s - clip.start_s, len(truth), endpoint=False)
        even += [abs(heard.start_s - guess) for heard, guess in zip(truth, spread, strict=True)]
    value, baseline = (1000 * mean(values, np.median) for values in (errors, even))
    return Score("speech", "error of word starts, median", value, baseline, "less", START_GOAL_MS, "ms", len(errors))


def speaker_score(known: Known, said: pd.DataFrame, clips: list[str]) -> Score:
    """Share of the found words that are given to who says them, each clip's speakers named for the best."""
    right = most = total = 0
    for clip_id in clips:
        pairs = Counter(
            (a.speaker, b.speaker) for a, b in matched(true_words(known, clip_id), found_words(said, clip_id))
        )
        if pairs:
            table = np.zeros((1 + max(a for a, _ in pairs), 1 + max(b for _, b in pairs)))
            for pair, count in pairs.items():
                table[pair] = count
            right += int(table[linear_sum_assignment(table, maximize=True)].sum())
            most, total = most + int(table.sum(axis=1).max()), total + int(table.sum())
    value, baseline = (part / total if total else np.nan for part in (right, most))
    return Score("speech", "words given to who says them", value, baseline, "more", 0.95, "share", total)


def true_words(known: Known, clip_id: str) -> list[Heard]:
    """The words whose middle lies in a clip."""
    clip = known.clips[clip_id]
    heard = [
        Heard(plain(word.text), turn.person, word.start_s - clip.start_s)
        for turn in known.turns(clip)
        for word in turn.words
        if clip.start_s <= (word.start_s + word.end_s) / 2 < clip.end_s
    ]
    return sorted((one for one in heard if one.word), key=lambda one: one.start_s)


def found_words(table: pd.DataFrame, clip_id: str) -> list[Heard]:
    """The words of a transcript or words table in a clip; a transcript knows no speakers."""
    rows = table[table["clip_id"] == clip_id].sort_values("start_s", kind="stable")
    speakers = rows["speaker"] if "speaker" in rows else [0] * len(rows)
    heard = [Heard(plain(w), s, t) for w, s, t in zip(rows["word"], speakers, rows["start_s"], strict=True)]
    return [one for one in heard if one.word]


def plain(word: str) -> str:
    """A word without case and punctuation."""
    return re.sub(r"[^\w']+", "", word.lower()).strip("'")


def matched(truth: list[Heard], found: list[Heard]) -> list[tuple[Heard, Heard]]:
    """Pairs of the same word in an alignment of least errors."""
    if not truth or not found:
        return []
    true_text, found_text = (" ".join(heard.word for heard in words) for words in (truth, found))
    chunks = jiwer.process_words(true_text, found_text).alignments[0]
    return [
        (truth[chunk.ref_start_idx + i], found[chunk.hyp_start_idx + i])
        for chunk in chunks
        if chunk.type == "equal"
        for i in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]
