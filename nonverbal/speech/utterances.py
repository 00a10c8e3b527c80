"""P2: words get speakers, and consecutive words of one speaker are an utterance."""

from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.schema import TABLES, kept_ids, read_table, write_table
from nonverbal.speech.clustering import in_order
from nonverbal.speech.settings import Utterances


def utterances(
    transcript: Path, turns: Path, keep_language: Path, words: Path, utterances: Path, two_speakers: bool,
    settings: Utterances,
) -> None:  # fmt: skip
    """Build the utterances of every clip that keep_language kept.

    Args:
        transcript: table transcript.
        turns: table turns.
        keep_language: decision table whose kept clips are the units.
        words: table words, to write.
        utterances: table utterances, to write; a clip without words has none.
        two_speakers: whether keep_two_speakers is on; then turns of voices after the second are nobody's.
        settings: config section speech.utterances.
    """
    said, spoken = read_table(transcript, "transcript"), read_table(turns, "turns")
    spoken = of_two(spoken) if two_speakers else spoken
    per_clip = [
        label_words(said[said["clip_id"] == clip_id], spoken[spoken["clip_id"] == clip_id], settings)
        for clip_id in kept_ids(keep_language, "keep_language")
    ]
    table = pd.concat(per_clip, ignore_index=True) if per_clip else pd.DataFrame(columns=TABLES["words"].names)
    write_table(words, "words", table)
    write_table(utterances, "utterances", merge_words(table))


def label_words(said: pd.DataFrame, spoken: pd.DataFrame, settings: Utterances) -> pd.DataFrame:
    """The words of one clip with speaker and utterance.

    Args:
        said: the clip's rows of table transcript.
        spoken: the clip's rows of table turns.
        settings: when a pause ends an utterance, and how much evidence a lone word needs.

    Returns:
        rows of table words; speakers are numbered by their first word.
    """
    said = said.sort_values("word_index")
    start, end = said["start_s"].to_numpy(), said["end_s"].to_numpy()
    speaker = in_order(assign(start, end, spoken, settings.flip_margin)) if len(said) else np.zeros(0, dtype=int)
    paused = start[1:] - end[:-1] > settings.longest_pause_s
    begins = np.concatenate([[False], (np.diff(speaker) != 0) | paused])[: len(said)]
    columns = {"speaker": speaker, "utterance_id": np.cumsum(begins)}
    return said.assign(**columns)[TABLES["words"].names]


def of_two(spoken: pd.DataFrame) -> pd.DataFrame:
    """The turns of the two who speak most in each clip."""
    length = spoken["end_s"] - spoken["start_s"]
    seconds = length.groupby([spoken["clip_id"], spoken["speaker"]]).transform("sum")
    main = seconds.groupby(spoken["clip_id"]).rank(method="dense", ascending=False) <= 2
    return spoken[main]


def assign(start: np.ndarray, end: np.ndarray, spoken: pd.DataFrame, flip_margin: float) -> np.ndarray:
    """The diarized speaker of each word: whose turns cover most of it, else whose turn is nearest.

    A word whose turns are no clear evidence takes the speaker of its neighbours where these agree.

    Args:
        start, end: seconds, [words].
        spoken: rows of table turns of the same clip; where there are none, all words are of speaker 0.
        flip_margin: share of a word by which its speaker must exceed its neighbours'.
    """
    if spoken.empty:
        return np.zeros(len(start), dtype=int)
    first, last = spoken["start_s"].to_numpy(), spoken["end_s"].to_numpy()
    common = np.minimum(end[:, None], last) - np.maximum(start[:, None], first)  # negative: seconds apart
    names, turn_of = np.unique(spoken["speaker"].to_numpy(), return_inverse=True)
    covered = np.stack([np.maximum(common[:, turn_of == i], 0).sum(axis=1) for i in range(len(names))], axis=1)
    nearest = np.stack([common[:, turn_of == i].max(axis=1) for i in range(len(names))], axis=1)
    heard = covered.max(axis=1) > 0
    choice = np.where(heard, covered.argmax(axis=1), nearest.argmax(axis=1))
    share = covered / np.maximum(end - start, 1e-9)[:, None]
    for i in range(1, len(choice) - 1):
        around = choice[i - 1]
        if choice[i] != around == choice[i + 1] and share[i, choice[i]] - share[i, around] < flip_margin:
            choice[i] = around
    return names[choice]


def merge_words(words: pd.DataFrame) -> pd.DataFrame:
    """One row an utterance, from rows of table words in order."""
    merged = words.groupby(["clip_id", "utterance_id"], sort=False).agg(
        speaker=("speaker", "first"), text=("word", " ".join), start_s=("start_s", "min"), end_s=("end_s", "max"),
        words=("word", "size"),
    )  # fmt: skip
    return merged.reset_index()
