"""What people are asked: which units a question is about, and what was decided about them.

The answer yes is what a kept unit should get: a kept unit that gets no is a false keep, a dropped one that gets yes a
false drop.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from nonverbal.schema import TABLES, iter_arrow, read_table

IDS = ["video_id", "clip_id", "utterance_id", "frame"]
NONE: dict[str, str | int] = {
    "video_id": "",
    "clip_id": "",
    "utterance_id": -1,
    "frame": -1,
}  # of a unit that has no such id
Shard = Mapping[str, Path]  # a shard's tables by name


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        unit: video, clip, utterance or frame.
        ask: the sentence; {people} and {language} are the config's.
        table: whose decisions are checked.
        seen: whether there is something to look at; an utterance without is read only.
        boxed: whether the face that table crops gives is framed.
    """

    unit: str
    ask: str
    table: str
    seen: bool = True
    boxed: bool = False


QUESTIONS = {
    "people": Question("video", "Does this picture show {people}?", "keep_people"),
    "two_speakers": Question("clip", "Do exactly two people speak?", "keep_two_speakers"),
    "language": Question("clip", "Do they speak “{language}”?", "keep_language"),
    "visible": Question("clip", "Is whoever speaks seen while they speak?", "keep_visible"),
    "safe": Question("utterance", "Are these words harmless?", "safety", seen=False),
    "words": Question("utterance", "Does one person say just these words?", "utterances"),
    "speaker": Question("utterance", "Is the person in the box the one who speaks?", "crops", boxed=True),
    "face": Question("frame", "Can the expression of the face in the box be read?", "face", boxed=True),
}
ROWS = 200_000  # frames at a time; a shard may have ten millions
UNSEEN = ("no_thumbnail",)  # reasons that leave nothing to judge


def decided(name: str, shard: Shard) -> Iterator[pd.DataFrame]:
    """What was decided about the units of a question in one shard, some at a time: columns IDS, kept, reason.

    Args:
        name: of QUESTIONS.
        shard: tables keep_people, keep_two_speakers, keep_language, keep_visible, keep_safe, safety, utterances,
            crops, face.
    """
    for rows in _rows(name, shard):
        seen = rows[~rows["reason"].isin(UNSEEN)]
        missing = {name: value for name, value in NONE.items() if name not in rows}
        yield seen.assign(**missing)[[*IDS, "kept", "reason"]]


def _rows(name: str, shard: Shard) -> Iterator[pd.DataFrame]:
    table = QUESTIONS[name].table
    if name in ("words", "speaker"):  # of what the dataset holds, all of it kept
        safe = read_table(shard["keep_safe"], "keep_safe")
        parts = [rows.drop_duplicates() for rows in _parts(shard[table], table, ["clip_id", "utterance_id"])]
        ids = pd.concat(parts).drop_duplicates()
        yield ids[ids["clip_id"].isin(safe.loc[safe["kept"], "clip_id"])].assign(kept=True, reason="")
    elif name == "safe":
        rows = read_table(shard["safety"], "safety")
        yield rows.assign(kept=~rows["harmful"], reason=rows["harmful"].map({True: "harmful", False: ""}))
    elif name == "face":
        columns = ["clip_id", "utterance_id", "frame", "valid", "reason"]
        for rows in _parts(shard["face"], "face", columns):
            yield rows.rename(columns={"valid": "kept"})
    else:
        yield read_table(shard[table], table)


def _parts(path: Path, table: str, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Some columns of a table of frames, ROWS at a time; an empty one at least."""
    empty = TABLES[table].empty_table().select(columns)
    for part in chain([empty], iter_arrow(path, table, columns=columns, rows=ROWS)):
        yield part.to_pandas()
