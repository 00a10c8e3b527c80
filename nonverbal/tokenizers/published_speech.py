"""What a published record says was spoken: words and utterances as stage speech makes them, and which are harmful."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from nonverbal.errors import Drop
from nonverbal.layouts import FPS, floor_frame
from nonverbal.tokenizers.published import nested, whole

ROUNDING = 1  # frames by which a word or a frame may lie outside its utterance: how the release rounds is not known
WORD = ("word", "start_time", "end_time")


class Utterance(NamedTuple):
    """An utterance of a record; `words` has rows of word, start_s, end_s, interpolated, in order of time."""

    speaker: int
    start_s: float
    end_s: float
    words: pd.DataFrame
    detail: str


def spoken(record: pa.RecordBatch, clip_id: str, seen: pd.DataFrame) -> dict[str, list[dict]]:
    """Rows of tables words, utterances, safety and keep_utterances of a record.

    An utterance that is dropped has a row in keep_utterances alone. Utterances and words are in order of time.

    Args:
        record: one row of the published records.
        clip_id: its clip.
        seen: utterance_id and frame of its motion.

    Raises:
        Malformed: a field's lists differ in length, or a number is none.
    """
    told = nested(record, "conversation")
    ids = whole(told["utterance_id"], "conversation.utterance_id").tolist()
    values = zip(*(told[key].to_pylist() for key in ("speaker", "start_time", "end_time", "words")), strict=True)
    flagged = set(whole(record.column("harmful_utterance_id").flatten(), "harmful_utterance_id"))
    frames = seen.groupby("utterance_id")["frame"].agg(["min", "max"])
    kept: dict[int, Utterance] = {}
    decisions = []
    for utterance_id, value in zip(ids, values, strict=True):
        decision = {"clip_id": clip_id, "utterance_id": utterance_id, "kept": True, "reason": ""}
        try:
            if utterance_id in kept:
                raise Drop("duplicate", "an utterance before it has its number")
            moved = frames.loc[utterance_id].tolist() if utterance_id in frames.index else []
            kept[utterance_id] = said = read_utterance(moved, *value)
            decisions.append(decision | {"detail": said.detail})
        except Drop as drop:
            decisions.append(decision | {"kept": False, "reason": drop.reason, "detail": drop.detail})
    rows: dict[str, list[dict]] = {"words": [], "utterances": [], "safety": [], "keep_utterances": decisions}
    for utterance_id, said in sorted(kept.items(), key=lambda item: item[1].start_s):
        add(rows, {"clip_id": clip_id, "utterance_id": utterance_id}, said, utterance_id in flagged)
    return rows


def add(rows: dict[str, list[dict]], key: dict[str, Any], said: Utterance, harmful: bool) -> None:
    """Append the rows of an utterance to its tables'."""
    who, times = {"speaker": said.speaker}, {"start_s": said.start_s, "end_s": said.end_s}
    text = {"text": " ".join(said.words["word"]), "words": len(said.words)}
    for index, word in enumerate(said.words.to_dict("records"), start=len(rows["words"])):
        rows["words"].append(key | who | {"word_index": index} | word)
    rows["utterances"].append(key | who | times | text)
    rows["safety"].append(key | times | {"harmful": harmful, "score": float(harmful), "backend": "published"})


def read_utterance(moved: list[int], speaker: object, start: object, end: object, words: object) -> Utterance:
    """One utterance, its times as far as its motion reaches where that is a frame farther.

    Args:
        moved: first and last frame of its motion, or none.
        speaker, start, end, words: as published.

    Raises:
        Drop: it cannot be put in time, or there is nothing in it.
    """
    numbers = [number(value) for value in (speaker, start, end)]
    if not np.isfinite(numbers[0]):
        raise Drop("no_speaker", f"its speaker is {speaker!r}")
    start_s, end_s = numbers[1:]
    if not 0 <= start_s <= end_s < np.inf:
        raise Drop("no_times", f"it starts at {start!r} and ends at {end!r}")
    first, last = floor_frame(start_s), floor_frame(end_s)
    if moved and not (first - ROUNDING <= moved[0] and moved[1] <= last + ROUNDING):
        raise Drop(
            "motion_outside", f"its motion is in frames {moved[0]} to {moved[1]}, its words in {first} to {last}"
        )
    table, detail = read_words(words, start_s, end_s)
    if moved and moved[0] < first:
        start_s = moved[0] / FPS
    if moved and moved[1] > last:
        end_s = moved[1] / FPS
    return Utterance(int(numbers[0]), start_s, end_s, table, detail)


def read_words(words: object, start_s: float, end_s: float) -> tuple[pd.DataFrame, str]:
    """The words of an utterance in order of time, and a sentence on those that are lost or have guessed times.

    A word without times (an aligner has none for a number, say) shares what lies between its neighbours.

    Raises:
        Drop: no word is left, or their lists differ in length.
    """
    table = pd.DataFrame(word_rows(words), columns=["word", "start_s", "end_s"])
    text = table["word"].map(lambda word: " ".join(word.split()) if isinstance(word, str) else "")
    table = table.assign(word=text, **{name: table[name].map(number).astype(float) for name in ("start_s", "end_s")})
    table = table[table["word"] != ""].reset_index(drop=True)
    empty = len(text) - len(table)
    times = table[["start_s", "end_s"]].to_numpy()
    known = np.isfinite(times).all(axis=1) & (times[:, 0] <= times[:, 1])
    outside = known & ((times[:, 0] < start_s - ROUNDING / FPS) | (times[:, 0] > end_s + ROUNDING / FPS))
    table, known, times = table[~outside], known[~outside], times[~outside]
    if table.empty:
        raise Drop("no_words", f"none of its {len(text)} words can be used: {empty} empty, {outside.sum()} outside it")
    table[["start_s", "end_s"]] = guessed(times, known, start_s, end_s)
    detail = (
        f"{len(table)} of {len(text)} words; empty {empty}, outside it {outside.sum()}, without times {(~known).sum()}"
    )
    return table.assign(interpolated=~known).sort_values("start_s", kind="stable"), detail


def guessed(times: np.ndarray, known: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """Times [words, 2] of which those that are not `known` divide what their neighbours, or the utterance, leave."""
    moments = np.concatenate([[start_s], times.ravel(), [end_s]])
    places = np.flatnonzero(np.concatenate([[True], np.repeat(known, 2), [True]]))
    return np.interp(np.arange(len(moments)), places, moments[places])[1:-1].reshape(-1, 2)


def word_rows(words: object) -> list[tuple]:
    """Word, start and end of each word, from a list of structs, a struct of lists, or nothing.

    Raises:
        Drop: the lists differ in length.
    """
    if isinstance(words, list):
        return [tuple((word or {}).get(name) for name in WORD) for word in words]
    if not isinstance(words, dict):
        return []
    columns = [words.get(name) or [] for name in WORD]
    if len({len(column) for column in columns}) > 1:
        raise Drop("malformed", f"words has lists of lengths {[len(column) for column in columns]}")
    return list(zip(*columns, strict=True))


def number(value: object) -> float:
    """A number, also where it is a text; NaN where it is none."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")
