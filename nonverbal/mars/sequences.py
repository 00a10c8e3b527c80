"""Chat records: an utterance of one speaker, and the other's answer in words, face and body tokens (section 3.3)."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nonverbal.errors import Drop, UserError
from nonverbal.layouts import PARTS, floor_frame
from nonverbal.mars.interleave import WORD, interleave, marked, motion_events, motion_token, render, word_events
from nonverbal.mars.settings import Sequences
from nonverbal.progress import track
from nonverbal.schema import TABLES, as_table, read_arrow, read_table, write_table

log = logging.getLogger("nonverbal")
SPLITS = ("train", "validation", "test")
SYSTEM_PROMPT = (
    "You are in a conversation with one other person, face to face. A turn is written as it was spoken and seen: "
    "between the words, a token <FACE_i> names how the face moves and a token <BODY_i> how the upper body and hands "
    "move. Each stands for eight frames of video, about a third of a second, at the moment it begins. "
    "Answer as that conversation's other speaker, with words, FACE tokens and BODY tokens."
)
MARKS_PROMPT = " A turn begins with <SOT> and ends with <EOT>."


class Turn(NamedTuple):
    """One utterance, ready to be part of a message; face and body are numbers of tokens."""

    utterance_id: int
    speaker: int
    text: str
    words: int
    face: int
    body: int
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
    tables: list[Path],
    answers: Path,
    settings: Sequences,
    face_codes: int,
    body_codes: int,
) -> None:
    """Write the records of each split, one an answer, and of every utterance whether and why not it makes one.

    Args:
        words, utterances, safety: tables of the same shards, in the same order.
        face, body: `tokens` tables of the whole corpus.
        split: which clips there are, and the split of each.
        train, validation, test: JSON lines to write: clip_id, utterances (ids, the answer's last), messages (role,
            content).
        tables: the same records of the three splits as Parquet, tables `chats`.
        answers: decision table to write.
        face_codes, body_codes: sizes of the codebooks.

    Raises:
        UserError: a token is not one of its codebook.
    """
    table = read_table(split, "split")
    split_of = dict(zip(table["clip_id"], table["split"], strict=True))
    sizes = dict(zip(PARTS, (face_codes, body_codes), strict=True))
    tokens = {part: read_tokens(path, part, sizes[part]) for part, path in zip(PARTS, (face, body), strict=True)}
    decided: list[dict] = []
    with ExitStack() as stack:
        paths = zip(SPLITS, (train, validation, test), tables, strict=True)
        add = {name: stack.enter_context(record_files(*both)) for name, *both in paths}
        for shard in track(list(zip(words, utterances, safety, strict=True)), "sequences"):
            for clip_id, turns in shard_turns(*shard, tokens, set(split_of)):
                found = [decide(clip_id, turns, i, split_of[clip_id], settings) for i in range(len(turns))]
                decided += [row for row, _ in found]
                add[split_of[clip_id]]([record for _, record in found if record])
    write_table(answers, "answers", decided)
    counts = Counter(row["reason"] or row["split"] for row in decided)
    log.info("sequences: %s", ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


@contextmanager
def record_files(lines: Path, table: Path) -> Iterator[Callable[[list[dict]], None]]:
    """A function that adds records to a JSON lines and a Parquet file, which are there when the block ends well."""
    partial = [path.with_name(f".{path.name}.partial") for path in (lines, table)]
    with partial[0].open("w") as text, pq.ParquetWriter(partial[1], TABLES["chats"], compression="zstd") as rows:

        def add(records: list[dict]) -> None:
            text.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            if records:
                rows.write_table(as_table("chats", records))

        yield add
    for path, target in zip(partial, (lines, table), strict=True):
        path.replace(target)


def read_tokens(path: Path, part: str, codes: int) -> pa.Table:
    """The columns of a `tokens` table that sequences need, its tokens checked against the codebook's size.

    Raises:
        UserError: the tokens are of another codebook.
    """
    table = read_arrow(path, "tokens", ["clip_id", "utterance_id", "first_frame", "tokens"])
    found = pc.min_max(pc.list_flatten(table["tokens"])).as_py()
    for code in found.values():
        if code is not None and not 0 <= code < codes:
            raise UserError(
                f"{path} holds {motion_token(part, code)}, but config key tokenizers.{part}.codebook.size is {codes}: "
                f"write the size that it was made with, or make it again (--forcerun tokenize)"
            )
    return table


def shard_turns(
    words: Path, utterances: Path, safety: Path, tokens: dict[str, pa.Table], clips: set[str]
) -> Iterator[tuple[str, list[Turn]]]:
    """The turns of each clip of a shard that is among `clips`, in order of clip and time."""
    table = read_table(utterances, "utterances").sort_values(["clip_id", "start_s", "utterance_id"])
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
    said = word_events(spoken.get(key, []))
    face, body = (motion_events(part, runs[part].get(key, [])) for part in PARTS)
    events = interleave(said, face, body)
    first, last = floor_frame(row["start_s"]), floor_frame(row["end_s"])
    outside = [event for event in events if event.kind != WORD and not first <= event.frame <= last]
    if outside:
        raise ValueError(f"{outside[0].text} of {key} at frame {outside[0].frame} lies outside {first}..{last}")
    counts = len(said), len(face), len(body)
    return Turn(row["utterance_id"], row["speaker"], render(events), *counts, bool(harmful[key]))


def decide(clip_id: str, turns: list[Turn], i: int, split: str, settings: Sequences) -> tuple[dict, dict | None]:
    """The row of table `answers` of a clip's i-th turn, and its record where it makes one."""
    answer = turns[i]
    row = {
        "clip_id": clip_id, "utterance_id": answer.utterance_id, "speaker": answer.speaker, "split": split,
        "words": answer.words, "face": answer.face, "body": answer.body,
    }  # fmt: skip
    try:
        context = context_of(turns, i, settings.context_turns)
    except Drop as drop:
        return row | {"context": 0, "kept": False, "reason": drop.reason, "detail": drop.detail}, None
    ids = [one.utterance_id for one in (*context, answer)]
    record = {"clip_id": clip_id, "utterances": ids, "messages": messages(context, answer, settings.turn_marks)}
    detail = f"answers utterance {context[-1].utterance_id}"
    return row | {"context": len(context), "kept": True, "reason": "", "detail": detail}, record


def context_of(turns: list[Turn], i: int, context_turns: int | None) -> list[Turn]:
    """The turns before the i-th that its record shows; those without words are not among them.

    What is before a harmful turn is not shown either: what is left out must not seem never to have been said.

    Raises:
        Drop: the turn makes no record.
    """
    answer = turns[i]
    if answer.harmful:
        raise Drop("harmful", "the safety model flagged it")
    if not answer.words:
        raise Drop("no_words", "no word of the transcript lies in it")
    if not answer.face + answer.body:  # it would teach that people who speak do not move
        raise Drop("no_motion", "its speaker is never seen")
    before = [one for one in turns[:i] if one.words]
    context = before if context_turns is None else before[-context_turns:]
    context = context[max((n for n, one in enumerate(context, 1) if one.harmful), default=0) :]
    if not context:
        raise Drop("answers_nobody", "nothing that may be shown was said before it")
    if context[-1].speaker == answer.speaker:
        raise Drop("answers_nobody", "the utterance before it is its speaker's own")
    return context


def messages(context: list[Turn], answer: Turn, turn_marks: bool) -> list[dict[str, str]]:
    """System prompt, context and answer; who answers is the assistant, also in earlier turns."""
    mark = marked if turn_marks else str
    chat = [{"role": "system", "content": SYSTEM_PROMPT + (MARKS_PROMPT if turn_marks else "")}]
    for speaker, said in groupby(context, key=lambda one: one.speaker):
        role = "assistant" if speaker == answer.speaker else "user"
        chat.append({"role": role, "content": mark(" ".join(one.text for one in said))})
    return [*chat, {"role": "assistant", "content": mark(answer.text)}]
