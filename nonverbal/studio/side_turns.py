"""Decide: the loudest voice of a channel is its actor; gaps in the actor's turns are closed, short turns dropped."""

from pathlib import Path
from typing import Any

import numpy as np

from nonverbal.schema import TABLES, read_rows, write_table
from nonverbal.speech.turns import Turn, summarise
from nonverbal.studio.names import SIDES
from nonverbal.studio.recordings import recordings
from nonverbal.studio.settings import SideTurns

Row = dict[str, Any]
COLUMNS = TABLES["side_turns"].names


def side_turns(
    sides: Path, side_voices: Path, side_turns: Path, turns: Path, speakers: Path, settings: SideTurns
) -> None:
    """Apply the loudest-speaker rule to each channel.

    Args:
        sides: table of that name.
        side_voices: table of that name.
        side_turns: table to write; kept rows are segments, numbered in time over both sides of a recording.
        turns: table to write, the segments as rule `diarize` writes turns: speaker 0 is on the left channel.
        speakers: table to write, one row a recording, as rule `diarize` does.
        settings: gaps, shortest turn, cross-talk.
    """
    voices = read_rows(side_voices, "side_voices")
    found = {
        clip_id: segments([row for row in voices if row["clip_id"] == clip_id], settings)
        for clip_id in recordings(sides)
    }
    said = {clip_id: [_turn(row) for row in rows if row["kept"]] for clip_id, rows in found.items()}
    write_table(side_turns, "side_turns", [row for rows in found.values() for row in rows])
    write_table(turns, "turns", [{"clip_id": key, **turn._asdict()} for key, rows in said.items() for turn in rows])
    write_table(speakers, "speakers", [{"clip_id": key, "people": 2, **summarise(rows)} for key, rows in said.items()])


def _turn(row: Row) -> Turn:
    return Turn(SIDES.index(row["side"]), row["start_s"], row["end_s"])


def segments(voices: list[Row], settings: SideTurns) -> list[Row]:
    """The `side_turns` rows of one recording, in order of start.

    Args:
        voices: its rows of table `side_voices`.
        settings: of the rule.
    """
    rows = [row for side in SIDES for row in decide([one for one in voices if one["side"] == side], settings)]
    rows.sort(key=lambda row: (row["start_s"], row["end_s"], row["side"]))
    numbers = iter(range(len(rows)))
    return [row | {"segment": next(numbers) if row["kept"] else -1} for row in rows]


def decide(voices: list[Row], settings: SideTurns) -> list[Row]:
    """The rows of one channel: cross-talk as it was found, the actor's turns closed and decided."""
    if not voices:
        return []
    levels = loudness(voices)
    actor = max(levels, key=lambda voice: levels[voice])
    own, rows = [], []
    for row in voices:
        louder = row["other_dbfs"] - row["loudness_dbfs"]
        if row["voice"] != actor:
            detail = f"voice {row['voice']} has {levels[row['voice']]:.1f} dBFS, voice {actor} {levels[actor]:.1f}"
        elif settings.cross_talk_db is not None and louder > settings.cross_talk_db:
            detail = f"{louder:.1f} dB louder on the other channel"
        else:
            own.append(row)
            continue
        rows.append(_row(row, {"kept": False, "reason": "cross_talk", "detail": detail}))
    for row in merged(own, settings.longest_gap_s):
        seconds = row["end_s"] - row["start_s"]
        kept = seconds >= settings.least_turn_s
        detail = f"{seconds:.2f} s" if kept else f"{seconds:.2f} s; {settings.least_turn_s:g} s are needed"
        rows.append(_row(row, {"kept": kept, "reason": "" if kept else "too_short", "detail": detail}))
    return rows


def loudness(voices: list[Row]) -> dict[int, float]:
    """Loudness of each voice of a channel over all its turns, dBFS by voice."""
    spoken: dict[int, list[Row]] = {}
    for row in voices:
        spoken.setdefault(row["voice"], []).append(row)
    return {voice: _together(rows) for voice, rows in spoken.items()}


def _together(rows: list[Row]) -> float:
    """Loudness of several stretches of sound as one, dBFS."""
    seconds = [row["end_s"] - row["start_s"] for row in rows]
    powers = [10 ** (row["loudness_dbfs"] / 10) for row in rows]
    return 10 * float(np.log10(np.average(powers, weights=seconds)))


def merged(turns: list[Row], longest_gap_s: float) -> list[Row]:
    """Turns in order of start, those less than the gap apart joined; a joined turn is as loud as its parts together."""
    groups: list[list[Row]] = []
    for row in sorted(turns, key=lambda row: row["start_s"]):
        if groups and row["start_s"] - max(one["end_s"] for one in groups[-1]) < longest_gap_s:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [
        group[0] | {"end_s": max(row["end_s"] for row in group), "loudness_dbfs": _together(group)} for group in groups
    ]


def _row(row: Row, decision: Row) -> Row:
    return {name: row[name] for name in COLUMNS if name in row} | {"segment": -1} | decision
