"""The numbers of the paper's table 2, counted on this dataset.

A turn is an unbroken run of utterances of one speaker (the paper merges a speaker's consecutive segments, so that its
utterances are its turns; here a long pause also ends an utterance). A sentence ends at . ! or ? or with its utterance.
A nonverbal expression is a measured face or body in one frame, so that a frame may count twice.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from nonverbal.dataset.backends import describe
from nonverbal.schema import read_arrow, read_table

SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)")


def statistics(
    utterances: list[Path], words: list[Path], face: list[Path], body: list[Path], split: Path, statistics: Path,
    backends: dict[str, str],
) -> None:  # fmt: skip
    """Count what the dataset holds.

    Args:
        utterances, words, face, body: the shards' tables of those names, in one order.
        split: clips of the dataset.
        statistics: JSON to write: the paper's names and ours, and `backends`, what made the numbers.
        backends: what made each kind of number, by kind.
    """
    table = read_table(split, "split")
    clips = set(table["clip_id"])
    spoken = pd.concat([_of(clips, read_table(path, "utterances")) for path in utterances])
    vocabulary: set[str] = set()
    for path in words:
        vocabulary |= unique_words(_of(clips, read_table(path, "words"))["word"])
    cues = [measured_frames(f, b, clips) for f, b in zip(face, body, strict=True)]
    expressions, frames = (sum(counts) for counts in zip(*cues, strict=True))
    values = {
        "channels": table["channel_id"].nunique(),
        "videos": table["video_id"].nunique(),
        "nonverbal_expressions": expressions,
        "dialogues": len(table),
        "turns": turns(spoken),
        "sentences": sum(map(sentences, spoken["text"])),
        "unique_words": len(vocabulary),
        "mean_turns_per_dialogue": _ratio(turns(spoken), len(table)),
        "mean_utterance_words": _ratio(float(spoken["words"].sum()), len(spoken)),
        "mean_utterance_seconds": _ratio(float((spoken["end_s"] - spoken["start_s"]).sum()), len(spoken)),
        "mean_frames_per_utterance": _ratio(frames, len(spoken)),
        "utterances": len(spoken),
        "clips_by_split": table["split"].value_counts().sort_index().to_dict(),
        "backends": {kind: describe(name) for kind, name in sorted(backends.items())},
    }
    statistics.write_text(json.dumps(values, indent=2) + "\n")


def turns(utterances: pd.DataFrame) -> int:
    """Unbroken runs of one speaker, over all clips."""
    ordered = utterances.sort_values(["clip_id", "start_s", "utterance_id"])
    changes = (ordered["speaker"] != ordered["speaker"].shift()) | (ordered["clip_id"] != ordered["clip_id"].shift())
    return int(changes.sum())


def sentences(text: str) -> int:
    """Sentences of an utterance: ends of sentence, and a rest without one."""
    pieces = SENTENCE_END.split(text)
    return sum(any(map(str.isalnum, piece)) for piece in pieces)


def unique_words(words: Iterable[str]) -> set[str]:
    """Words without case and the punctuation around them."""
    return {re.sub(r"^\W+|\W+$", "", word.casefold()) for word in words} - {""}


def measured_frames(face: Path, body: Path, clips: set[str]) -> tuple[int, int]:
    """Measured faces and bodies of a shard, and frames of utterances in which either was measured."""
    keys = ["clip_id", "utterance_id", "frame"]
    parts = []
    for path, name in ((face, "face"), (body, "body")):
        table = read_arrow(path, name, columns=[*keys, "valid"])
        parts.append(_of(clips, table.filter(pc.field("valid")).select(keys).to_pandas()))
    both = pd.concat(parts)
    return len(both), len(both.drop_duplicates())


def _of(clips: set[str], rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["clip_id"].isin(clips)]


def _ratio(part: float, whole: int) -> float:
    return round(float(np.divide(part, whole)), 3) if whole else 0.0
