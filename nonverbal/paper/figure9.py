"""Figure 9: the record of one clip: utterances, words, faces, bodies, boxes, and what was flagged as harmful."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from nonverbal.layouts import FPS, floor_frame
from nonverbal.paper.settings import Figure9
from nonverbal.paper.style import GREY, INK, PAGE, PALETTE, new_figure, save, shown
from nonverbal.schema import read_arrow

COLOURS = (PALETTE[0], PALETTE[5])  # of speaker 0 and 1
HEIGHT, LEFT, RIGHT = 3.55, 0.115, 0.99  # inches; shares of the page
LANES = ("speaker 0", "speaker 1", "face", "body", "box")
BOXES = 60  # drawn at most
APART = 0.03  # of the width, between words
SUMMARY = ["video_id", "segment_id", "harmful_utterance_id", "conversation", "speaker_bbox"]


def figure9(records: list[Path], settings: Figure9, png: Path, pdf: Path) -> None:
    """Draw figure 9.

    Args:
        records: tables of the dataset's records.
        settings: how long a part is shown with its words.
        png, pdf: files to write.
    """
    figure = new_figure(PAGE, HEIGHT)
    record = chosen(records)
    if record is None:
        figure.text(0.5, 0.5, "not available: the dataset has no record", ha="center")
        save(figure, png, pdf)
        return
    said = utterances_of(record)
    figure.text(0.01, 0.975, heading(record, said), va="top", size=7, parse_math=False)
    clip = figure.add_axes((LEFT, 0.585, RIGHT - LEFT, 0.3))
    _lanes(clip, record, said, (0, max(seconds_of(record), max((one["end"] for one in said), default=1))))
    start = next((one["start"] for one in said if one["harmful"]), said[0]["start"] if said else 0)
    part = figure.add_axes((LEFT, 0.075, 0.645 - LEFT, 0.36))
    _words(part, said, (start, start + settings.part_s))
    clip.axvspan(start, start + settings.part_s, color=GREY, alpha=0.25, linewidth=0, zorder=0)
    _boxes(figure.add_axes((0.69, 0.075, RIGHT - 0.69, 0.36)), record, said)
    save(figure, png, pdf)


def chosen(records: list[Path]) -> dict[str, Any] | None:
    """The record to draw: with harmful utterances before without, both speakers in boxes before one, most boxes."""
    best: tuple[tuple, Path, dict] | None = None
    for path in records:
        for row in read_arrow(path, "records", columns=SUMMARY).to_pylist():
            boxes = box_rows(row, utterances_of(row))
            rank = (bool(row["harmful_utterance_id"]), len({speaker for speaker, _, _ in boxes}), len(boxes))
            if best is None or rank > best[0]:
                best = rank, path, row
    if best is None:
        return None
    for row in read_arrow(best[1], "records").to_pylist():
        if (row["video_id"], row["segment_id"]) == (best[2]["video_id"], best[2]["segment_id"]):
            return row
    return None


def utterances_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Its utterances, each with id, speaker, start, end (seconds), words (text, start) and whether it is harmful."""
    said = record["conversation"]
    harmful = set(record["harmful_utterance_id"])
    return [
        {
            "id": number, "speaker": speaker, "start": start, "end": end, "harmful": number in harmful,
            "words": list(zip(words["word"], words["start_time"], strict=True)),
        }
        for number, speaker, start, end, words in zip(
            said["utterance_id"], said["speaker"], said["start_time"], said["end_time"], said["words"], strict=True
        )
    ]  # fmt: skip


def seconds_of(record: dict[str, Any]) -> float:
    """Length of the clip, by its duration "HH:MM:SS ~ HH:MM:SS"."""
    ends = [sum(int(part) * scale for part, scale in zip(end.split(":"), (3600, 60, 1), strict=True))
            for end in record["duration"].split(" ~ ")]  # fmt: skip
    return float(ends[1] - ends[0])


def heading(record: dict[str, Any], said: list[dict[str, Any]]) -> str:
    """What the record holds, in a line."""
    words = sum(len(one["words"]) for one in said)
    frames = [len(record[name]["frame"]) for name in ("facial_expression", "body_language", "speaker_bbox")]
    flagged = ", ".join(map(str, record["harmful_utterance_id"])) or "none"
    counts = ", ".join(f"{count:,} {name}" for count, name in zip(frames, ("faces", "bodies", "boxes"), strict=True))
    return (
        f"{shown(record['video_id'], 24)}, segment {record['segment_id']}, {record['duration']}: "
        f"{len(said)} utterances, {words} words, {counts}; harmful: {flagged}"
    )


def known_spans(part: dict[str, list], speaker_of: dict[int, int]) -> Iterator[tuple[int, int, int]]:
    """(speaker, first frame, frames) of each stretch in which anything of a part is known."""
    rows = sorted(
        (speaker_of[utterance], frame)
        for utterance, frame, features in zip(part["utt_id"], part["frame"], part["features"], strict=True)
        if utterance in speaker_of and np.isfinite(np.array(features, float)).any()
    )
    yield from _stretches(rows)


def _stretches(rows: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    start = 0
    for place in range(1, len(rows) + 1):
        ends = place == len(rows) or rows[place] not in {rows[place - 1], (rows[place - 1][0], rows[place - 1][1] + 1)}
        if ends:
            speaker, first = rows[start]
            yield speaker, first, rows[place - 1][1] - first + 1
            start = place


def box_rows(record: dict[str, Any], said: list[dict[str, Any]]) -> list[tuple[int, int, list[float]]]:
    """(speaker, frame, box) of each box; the speaker is whose utterance the frame lies in."""
    speaker_of = {
        frame: one["speaker"] for one in said for frame in range(floor_frame(one["start"]), floor_frame(one["end"]) + 1)
    }
    boxes = zip(record["speaker_bbox"]["frame"], record["speaker_bbox"]["bbox"], strict=True)
    return [(speaker_of[frame], frame, box) for frame, box in boxes if frame in speaker_of]


def _lanes(axes: Axes, record: dict[str, Any], said: list[dict[str, Any]], span: tuple[float, float]) -> None:
    """Whole clip: who speaks, and where there are face, body and box."""
    for one in said:
        look: dict[str, Any] = {"hatch": "////", "edgecolor": INK} if one["harmful"] else {"edgecolor": "white"}
        axes.barh(-one["speaker"], one["end"] - one["start"], 0.72, one["start"], color=_colour(one), **look)
        if (one["end"] - one["start"]) / (span[1] - span[0]) > 0.02:
            middle = (one["start"] + one["end"]) / 2
            axes.text(middle, -one["speaker"], str(one["id"]), ha="center", va="center", size=6, color="white")
    speaker_of = {one["id"]: one["speaker"] for one in said}
    seen = {
        2: known_spans(record["facial_expression"], speaker_of),
        3: known_spans(record["body_language"], speaker_of),
        4: _stretches(sorted((speaker, frame) for speaker, frame, _ in box_rows(record, said))),
    }
    for lane, stretches in seen.items():
        for speaker, first, frames in stretches:
            shift = 0.19 if speaker == 0 else -0.19
            axes.barh(-lane + shift, frames / FPS, 0.34, first / FPS, color=COLOURS[speaker % 2])
    axes.set(xlim=span, ylim=(-len(LANES) + 0.45, 0.55), yticks=-np.arange(len(LANES)), yticklabels=LANES)
    axes.set_title("the clip, seconds; hatched: harmful; shaded: the part below", loc="left", size=7, pad=3)
    axes.tick_params(length=2, labelsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)


def _words(axes: Axes, said: list[dict[str, Any]], span: tuple[float, float]) -> None:
    """A part of the clip with its words, each from where it starts; some are left out where so many are said."""
    axes.set(xlim=span, ylim=(-1.45, 1), yticks=(0, -1), yticklabels=LANES[:2])
    last = {0: -np.inf, 1: -np.inf}
    for one in said:
        left, right = max(one["start"], span[0]), min(one["end"], span[1])
        if right <= left:
            continue
        lane = one["speaker"] % 2
        axes.plot((left, right), (-lane - 0.2, -lane - 0.2), color=_colour(one), linewidth=3, solid_capstyle="butt")
        for word, start in one["words"]:
            if span[0] <= start <= span[1] - 2 * APART * (span[1] - span[0]) and start - last[lane] >= APART * (
                span[1] - span[0]
            ):
                last[lane] = start
                axes.text(start, -lane - 0.1, shown(word, 13), rotation=60, rotation_mode="anchor", size=6,
                          color=_colour(one), parse_math=False, clip_on=False)  # fmt: skip
    axes.set_title("a part of it with its words", loc="left", size=7, pad=12)
    axes.tick_params(length=2, labelsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)


def _boxes(axes: Axes, record: dict[str, Any], said: list[dict[str, Any]]) -> None:
    """Boxes of who speaks in the picture, some of the clip's."""
    rows = box_rows(record, said)
    some = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, min(BOXES, len(rows))).round().astype(int))]
    for speaker, _, (x0, y0, x1, y1) in some:
        axes.add_patch(
            Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=COLOURS[speaker % 2], linewidth=0.7, alpha=0.5)
        )
    width, height = (max((box[i] for _, _, box in rows), default=1) * 1.02 for i in (2, 3))
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_title("boxes of who speaks, pixels", loc="left", size=7, pad=3)
    axes.tick_params(length=2, labelsize=6)
    axes.spines[:].set_color(GREY)


def _colour(one: dict[str, Any]) -> str:
    return COLOURS[one["speaker"] % 2]
