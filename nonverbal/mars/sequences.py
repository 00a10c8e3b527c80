"""Chat records: an utterance of one speaker, and the other's answer in words, face and body tokens (section 3.3)."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nonverbal.layouts import PARTS, floor_frame
from nonverbal.mars.interleave import WORD, interleave, motion_events, render, word_events
from nonverbal.mars.settings import Sequences
from nonverbal.progress import track
from nonverbal.schema import read_arrow, read_table

log = logging.getLogger("nonverbal")
SPLITS = ("train", "validation", "test")
SYSTEM_PROMPT = (
    "You are in a conversation with one other person, face to face. A turn is written as it was spoken and seen: "
    "between the words, a token <FACE_i> names how the face moves and a token <BODY_i> how the upper body and hands "
    "move. Each stands for eight frames of video, about a third of a second, at the moment it begins. "
    "Answer as that conversation's other speaker, with words, FACE tokens and BODY tokens."
)


class Turn(NamedTuple):
    """One utterance, ready to be a message."""

    utterance_id: int
    speaker: int
    text: str
    seen: bool
    harmful: bool


Key = tuple[str, int]
Runs = dict[Key, list[tuple[int, list[int]]]]


def sequences(
    words: list[Path],
    utterances: list[Path],
    safety: list[Path],
    face: Path,
    body: Path,
    split: Path,
    train: Path,
    validation: Path,
    test: Path,
    settings: Sequences,
) -> None:
    """Write one JSON line an answer: clip_id, utterances (ids, the answer's last), messages (role, content).

    Args:
        words, utterances, safety: tables of the same shards, in the same order.
        face, body: `tokens` tables of the whole corpus.
        split: which clips there are, and the split of each.
        train, validation, test: files to write, a shard at a time, whole or not at all.
    """
    table = read_table(split, "split")
    split_of = dict(zip(table["clip_id"], table["split"], strict=True))
    shards = list(zip(words, utterances, safety, strict=True))
    columns = ["clip_id", "utterance_id", "first_frame", "tokens"]
    tokens = {part: read_arrow(path, "tokens", columns) for part, path in zip(PARTS, (face, body), strict=True)}
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        partial = {path: path.with_name(f".{path.name}.partial") for path in (train, validation, test)}
        files = dict(zip(SPLITS, (stack.enter_context(p.open("w")) for p in partial.values()), strict=True))
        for tables in track(shards, "sequences"):
            for clip_id, turns in shard_turns(*tables, tokens, set(split_of)):
                for record in records(clip_id, turns, settings.context_turns, counts):
                    files[split_of[clip_id]].write(json.dumps(record, ensure_ascii=False) + "\n")
                    counts[split_of[clip_id]] += 1
    for path, written in partial.items():
        written.replace(path)
    log.info("sequences: %s", ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


def shard_turns(
    words: Path, utterances: Path, safety: Path, tokens: dict[str, pa.Table], clips: set[str]
) -> Iterator[tuple[str, list[Turn]]]:
    """The turns of each clip of a shard that is among `clips`, in order of clip and utterance."""
    table = read_table(utterances, "utterances").sort_values(["clip_id", "utterance_id"])
    table = table[table["clip_id"].isin(clips)]
    runs = {part: token_runs(tokens[part], table["clip_id"].unique().tolist()) for part in PARTS}
    spoken = spoken_words(read_table(words, "words"))
    flags = read_table(safety, "safety")
    harmful = dict(zip(zip(flags["clip_id"], flags["utterance_id"], strict=True), flags["harmful"], strict=True))
    for clip_id, rows in table.groupby("clip_id", sort=False):
        yield str(clip_id), [turn(row, spoken, runs, harmful) for row in rows.to_dict("records")]


def spoken_words(words: pd.DataFrame) -> dict[Key, list[tuple[str, float]]]:
    """(word, start in seconds) of each utterance, in spoken order."""
    ordered = words.sort_values(["clip_id", "word_index"])
    spoken: dict[Key, list[tuple[str, float]]] = {}
    columns = (ordered[name] for name in ("clip_id", "utterance_id", "word", "start_s"))
    for clip_id, utterance_id, word, start_s in zip(*columns, strict=True):
        spoken.setdefault((clip_id, utterance_id), []).append((word, start_s))
    return spoken


def token_runs(tokens: pa.Table, clips: list[str]) -> Runs:
    """(first frame, codes) of each run of these clips' utterances, in order of time."""
    rows = tokens.filter(pc.is_in(tokens["clip_id"], pa.array(clips, pa.string())))
    runs: Runs = {}
    for row in rows.sort_by([("first_frame", "ascending")]).to_pylist():
        runs.setdefault((row["clip_id"], row["utterance_id"]), []).append((row["first_frame"], row["tokens"]))
    return runs


def turn(
    row: dict, spoken: dict[Key, list[tuple[str, float]]], runs: dict[str, Runs], harmful: dict[Key, bool]
) -> Turn:
    """One utterance with its words and motion interleaved.

    Raises:
        ValueError: a motion token lies outside the utterance: the tables come from different runs.
    """
    key = (row["clip_id"], row["utterance_id"])
    motion = [motion_events(part, runs[part].get(key, [])) for part in PARTS]
    events = interleave(word_events(spoken[key]), *motion)
    first, last = floor_frame(row["start_s"]), floor_frame(row["end_s"])
    outside = [event for event in events if event.kind != WORD and not first <= event.frame <= last]
    if outside:
        raise ValueError(f"{outside[0].text} of {key} at frame {outside[0].frame} lies outside {first}..{last}")
    return Turn(row["utterance_id"], row["speaker"], render(events), any(motion), bool(harmful[key]))


def records(clip_id: str, turns: list[Turn], context_turns: int, counts: Counter[str]) -> Iterator[dict]:
    """One record for each turn that answers the other speaker; `counts` tells why others make none."""
    for i, answer in enumerate(turns):
        context = safe_tail(turns[max(0, i - context_turns) : i])
        if answer.harmful:
            counts["harmful"] += 1
        elif not answer.seen:  # it would teach that people who speak do not move
            counts["speaker not seen"] += 1
        elif not context or context[-1].speaker == answer.speaker:
            counts["answers nobody"] += 1
        else:
            ids = [one.utterance_id for one in (*context, answer)]
            yield {"clip_id": clip_id, "utterances": ids, "messages": messages(context, answer)}


def safe_tail(turns: list[Turn]) -> list[Turn]:
    """The turns after the last harmful one: what is left out must not seem never to have been said."""
    last = max((i for i, one in enumerate(turns) if one.harmful), default=-1)
    return turns[last + 1 :]


def messages(context: list[Turn], answer: Turn) -> list[dict[str, str]]:
    """System prompt, context and answer; who answers is the assistant, also in earlier turns."""
    chat = [{"role": "system", "content": SYSTEM_PROMPT}]
    for speaker, said in groupby(context, key=lambda one: one.speaker):
        role = "assistant" if speaker == answer.speaker else "user"
        chat.append({"role": role, "content": " ".join(one.text for one in said)})
    return [*chat, {"role": "assistant", "content": answer.text}]
