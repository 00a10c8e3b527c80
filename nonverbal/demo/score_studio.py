"""Whether the channels of studio recordings say who speaks, and their turns are the right lines of the script."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from pyannote.core import Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score, mean
from nonverbal.demo.score_speech import annotation, plain
from nonverbal.demo.truth_files import SpokenTurn
from nonverbal.schema import read_rows
from nonverbal.studio.names import SIDES
from nonverbal.studio.script import read_script

Row = dict[str, Any]


def studio_scores(known: Known, tables: dict[str, Sequence[Path]], scripts: Sequence[Path]) -> Iterator[Score]:
    """Diarization of each channel, recognised words, lines of the script, and cuts; nothing without recordings.

    Args:
        tables: side_voices, side_turns, side_heard, script_lines and published of all shards.
        scripts: JSON files.
    """
    rows = {name: [row for path in paths for row in read_rows(path, name)] for name, paths in tables.items()}
    rows = {name: [row for row in part if row["clip_id"] in known.good] for name, part in rows.items()}
    if rows["side_voices"]:
        yield channel_score(known, rows["side_voices"], [row for row in rows["side_turns"] if row["kept"]])
        yield heard_score(known, rows["side_heard"])
        yield from line_scores(known, rows["side_heard"], rows["script_lines"], scripts)
        copied = [row["copied"] for row in rows["published"]]
        yield Score("studio", "turns cut without encoding", mean(copied), np.nan, "more", np.nan, "share", len(copied))


def channel_score(known: Known, voices: list[Row], turns: list[Row]) -> Score:
    """Diarization error rate of each channel, whose actor alone speaks there; the baseline keeps every voice."""
    ours, everybody = DiarizationErrorRate(collar=0.25), DiarizationErrorRate(collar=0.25)
    clips = {row["clip_id"] for row in voices}
    for clip_id in sorted(clips):
        whole = Timeline([Segment(0, known.clips[clip_id].end_s)])
        for person, side in enumerate(SIDES):
            truth = annotation(
                (turn.start_s, turn.end_s, 0) for turn in known.turns(known.clips[clip_id]) if turn.person == person
            )
            for metric, rows in ((ours, turns), (everybody, voices)):
                own = [row for row in rows if row["clip_id"] == clip_id and row["side"] == side]
                spans = [(row["start_s"], row["end_s"], 0) for row in own]
                metric(truth, annotation(spans).support(), uem=whole)
    name = "diarization error rate of a channel, collar 0.25 s"
    return Score("studio", name, abs(ours), abs(everybody), "less", 0.10, "share of speech", 2 * len(clips))


def true_turn(known: Known, row: Row) -> SpokenTurn | None:
    """What the actor of a segment's side really says meanwhile."""
    own = [turn for turn in known.turns(known.clips[row["clip_id"]]) if turn.person == SIDES.index(row["side"])]
    common = [min(turn.end_s, row["end_s"]) - max(turn.start_s, row["start_s"]) for turn in own]
    return own[int(np.argmax(common))] if common and max(common) > 0 else None


def heard_score(known: Known, heard: list[Row]) -> Score:
    """Word error rate of what is recognised without captions and script; the baseline has no words."""
    pairs = [(true_turn(known, row), row["asr"]) for row in heard]
    written = [(_plain(turn.text), _plain(asr)) for turn, asr in pairs if turn is not None]
    error = jiwer.wer([truth for truth, _ in written], [asr for _, asr in written]) if written else np.nan
    words = sum(len(truth.split()) for truth, _ in written)
    return Score(
        "studio", "word error rate, words recognised without the script", error, 1.0, "less", np.nan, "share", words
    )


def _plain(text: str) -> str:
    return " ".join(word for word in map(plain, text.split()) if word)


def line_scores(known: Known, heard: list[Row], lines: list[Row], scripts: Sequence[Path]) -> Iterator[Score]:
    """Segments given their true line, or none where what is said is not in the script, with the line's emotion.

    The baseline gives each segment any line.
    """
    script = [line for path in scripts for dialogue in read_script(path).values() for line in dialogue.lines]
    emotions = {line.text: line.emotion_label for line in script}
    found = {(row["clip_id"], row["segment"]): row for row in lines if row["kept"]}
    right, labelled = [], []
    for row in heard:
        turn = true_turn(known, row)
        text = turn.text if turn is not None and turn.text in emotions else ""
        line = found.get((row["clip_id"], row["segment"]))
        right.append((line["text"] if line else "") == text)
        if text:
            labelled.append(line is not None and line["emotion_label"] == emotions[text])
    chance = 1 / len(script) if script else np.nan
    yield Score(
        "studio", "turns given their line of the script, or none", mean(right), chance, "more", 0.9, "share", len(right)
    )
    kinds = len(set(emotions.values()))
    yield Score(
        "studio", "scripted turns given their emotion", mean(labelled), 1 / kinds if kinds else np.nan, "more", 0.9,
        "share", len(labelled),
    )  # fmt: skip
