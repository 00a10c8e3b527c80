"""What MARS learns from: the same records without, or with wrong, motion, to train models of their own on."""

import json
import logging
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from nonverbal.mars.encode import read_records
from nonverbal.mars.interleave import MOTION, silent_turn
from nonverbal.mars.sequences import SPLITS
from nonverbal.mars.settings import NO_CONTEXT_MOTION, OTHER_MOTION, SHUFFLED_MOTION, TEXT_ONLY

log = logging.getLogger("nonverbal")


def ablate(records: list[Path], ablated: list[Path], row: str, seed: int) -> None:
    """Write the records of an ablation, as many and in the same order.

    The test records of `shuffled_motion` and `other_motion` stay as they are: their models are asked for the true
    motion. Those of the others are shown as their models learnt to read.

    Args:
        records: JSON lines of train, validation and test, in this order.
        ablated: JSON lines to write, in the same order.
        row: which ablation.
        seed: of what is random.
    """
    for split, source, target in zip(SPLITS, records, ablated, strict=True):
        change = CHANGES[row] if split != "test" or row in SHOWN_AT_TEST else unchanged
        partial = target.with_name(f".{target.name}.partial")
        with partial.open("w") as lines:
            for record in change(source, random.Random(f"{seed} {split}")):
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        partial.replace(target)
    log.info("ablate: %s", row)


def unchanged(source: Path, _: random.Random) -> Iterator[dict]:
    """The records as they are."""
    return read_records(source)


def no_context_motion(source: Path, _: random.Random) -> Iterator[dict]:
    """The words alone in the messages before the answer."""
    return (silent_context(record) for record in read_records(source))


def text_only(source: Path, _: random.Random) -> Iterator[dict]:
    """The words alone."""
    for record in read_records(source):
        system, *turns = record["messages"]
        yield record | {"messages": [system, *(silent(turn) for turn in turns)]}


def shuffled_motion(source: Path, rng: random.Random) -> Iterator[dict]:
    """The FACE tokens of each turn in random order, and its BODY tokens: when is lost, how much of what is not."""
    for record in read_records(source):
        yield with_motion(record, (rng.sample(codes, len(codes)) for codes in motion(record)))


def other_motion(source: Path, _: random.Random) -> Iterator[dict]:
    """The motion tokens of the turns half the split away, in their order: what follows from the words is lost."""
    streams = motion_of_all(source)
    places = [len(codes) // 2 for codes in streams]
    for record in read_records(source):
        taken = []
        for kind, codes in enumerate(motion(record)):
            stream, first = streams[kind % 2], places[kind % 2]
            taken.append([stream[(first + i) % len(stream)] for i in range(len(codes))])
            places[kind % 2] = first + len(codes)
        yield with_motion(record, taken)


def motion_of_all(source: Path) -> tuple[list[str], list[str]]:
    """All FACE and all BODY tokens of the turns of all records, in order."""
    lists = [motion(record) for record in read_records(source)]
    face, body = (list(chain.from_iterable(chain.from_iterable(one[kind::2] for one in lists))) for kind in (0, 1))
    return face, body


def motion(record: dict) -> list[list[str]]:
    """The FACE tokens of the first turn, its BODY tokens, those of the second turn, and so on."""
    turns = [[match[0] for match in MOTION.finditer(turn["content"])] for turn in record["messages"][1:]]
    return [[token for token in turn if token.startswith(kind)] for turn in turns for kind in ("<FACE_", "<BODY_")]


def with_motion(record: dict, tokens: Iterable[list[str]]) -> dict:
    """The record with other tokens, as `motion` gives them, in the places of its own."""
    system, *turns = record["messages"]
    streams = iter(tokens)
    changed = [turn | {"content": replaced(turn["content"], next(streams), next(streams))} for turn in turns]
    return record | {"messages": [system, *changed]}


def replaced(text: str, face: list[str], body: list[str]) -> str:
    """A turn with other FACE and BODY tokens, as many as its own."""
    left = {"FACE": iter(face), "BODY": iter(body)}
    return MOTION.sub(lambda match: next(left[match[1]]), text)


def silent(turn: dict) -> dict:
    """A turn without its motion."""
    return turn | {"content": silent_turn(turn["content"])}


def silent_context(record: dict) -> dict:
    """The record with the words alone in the messages before the answer."""
    system, *context, answer = record["messages"]
    return record | {"messages": [system, *(silent(turn) for turn in context), answer]}


CHANGES: dict[str, Callable[[Path, random.Random], Iterator[dict]]] = {
    NO_CONTEXT_MOTION: no_context_motion,
    TEXT_ONLY: text_only,
    SHUFFLED_MOTION: shuffled_motion,
    OTHER_MOTION: other_motion,
}
SHOWN_AT_TEST = (NO_CONTEXT_MOTION, TEXT_ONLY)
