"""Algorithm 1: whose crop each word gets, as published, word by word, and as this project decides, over the clip."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from nonverbal.layouts import FPS, floor_frame
from nonverbal.paper.figure3 import draw_order
from nonverbal.paper.markup import Block, markdown
from nonverbal.paper.settings import Algorithm1
from nonverbal.paper.style import PAGE, PALETTE, new_figure, save
from nonverbal.schema import read_arrow, read_table

CASES = ("nobody is seen", "one person: taken", "two or more: the likest")
NOBODY = -1
QUIET = "#6B7178"
COLOURS = (PALETTE[0], PALETTE[5])  # of speaker 0 and 1
HEIGHT, PERSONS = 2.9, 6  # inches; lanes at most
TITLE = "Algorithm 1. Whose crop each word gets"
HOW = (
    "As published: of the persons in the picture at a word's start, the only one, or the one whose descriptor is most "
    "like that of the person taken before for the same speaker. Of several with none before, whoever seems to speak "
    "most (inferred: unpublished)."
)
OURS = (
    "Ours: likeness joins tracks into persons over the clip, and each speaker's person is chosen once, by all the "
    "speaking seen. Where the listener alone is in the picture, algorithm 1 takes the listener, ours takes nobody."
)
COLUMNS = [
    "clip_id", "utterance_id", "speaker", "word_index", "frame", "persons", "likeness", "second_likeness",
    "published_track", "our_track", "same",
]  # fmt: skip


def algorithm1(
    words: list[Path], tracks: list[Path], active_speaker: list[Path], crops: list[Path], split: Path,
    settings: Algorithm1, seed: int, csv: Path, md: Path, png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Decide by algorithm 1, count where ours is another, and draw one clip.

    Args:
        words, tracks, active_speaker, crops: tables of the shards, in one order.
        split: clips of the dataset.
        settings: how many clips are counted.
        seed: of which.
        csv: one row a word: persons seen, likeness of the taken and of the next, the track taken by each (-1 nobody).
        md: how often each case is met, and is decided alike.
        png, pdf: the clip with most words at which two are seen.
    """
    wanted = sorted(read_table(split, "split")["clip_id"], key=lambda clip: draw_order(clip, seed))[: settings.clips]
    best: tuple[int, pd.DataFrame, pd.DataFrame] | None = None
    decided = [pd.DataFrame(columns=COLUMNS)]
    for shard, path in enumerate(words):
        spoken = read_table(path, "words")
        for clip_id, said in spoken[spoken["clip_id"].isin(wanted)].groupby("clip_id"):
            seen = seen_in(str(clip_id), tracks[shard], active_speaker[shard])
            ours = read_arrow(crops[shard], "crops", clip_id=str(clip_id)).to_pandas()
            rows = decisions(said.sort_values("word_index"), seen, ours)
            decided.append(rows)
            several = int((rows["persons"] > 1).sum())
            if best is None or several > best[0]:
                best = several, rows, seen
    table = pd.concat([part for part in decided if len(part)] or decided[:1], ignore_index=True)[COLUMNS]
    table.to_csv(csv, index=False, float_format="%.4f", lineterminator="\n")
    md.write_text(markdown(TITLE, [summary(table)], [HOW, OURS]))
    figure = new_figure(PAGE, HEIGHT)
    if best is None:
        figure.text(0.5, 0.5, "not available: the dataset has no word", ha="center")
    else:
        clip = best[1].iloc[0]["clip_id"]
        title = f"clip {clip}: dot, taken by algorithm 1; ring, by ours; bars, who is in the picture"
        figure.text(0.007, 0.975, title, va="top", size=7, parse_math=False)
        _lanes(figure.add_axes((0.085, 0.44, 0.905, 0.46)), best[1], best[2])
        _likeness(figure.add_axes((0.085, 0.13, 0.42, 0.2)), best[1])
        _counts(figure.add_axes((0.56, 0.05, 0.43, 0.29)), table)
    save(figure, png, pdf)


def seen_in(clip_id: str, tracks: Path, active_speaker: Path) -> pd.DataFrame:
    """A clip's tracks with how much each speaks, its person, and its last descriptor where it was not described."""
    seen = read_arrow(tracks, "tracks", clip_id=clip_id).to_pandas()
    scores = read_arrow(active_speaker, "active_speaker", clip_id=clip_id).to_pandas()
    both = seen.merge(scores[["track_id", "frame", "score", "person"]], on=["track_id", "frame"], suffixes=("", "_of"))
    both = both.sort_values(["track_id", "frame"], kind="stable")
    both["descriptor"] = both.groupby("track_id")["descriptor"].transform(lambda column: column.ffill().bfill())
    return both.sort_values(["frame", "track_id"], kind="stable", ignore_index=True)


def decisions(words: pd.DataFrame, seen: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """One row a word of a clip, COLUMNS."""
    at: dict[Any, pd.DataFrame] = dict(iter(seen.groupby("frame")))
    cropped = {(u, f): t for u, f, t in ours[["utterance_id", "frame", "track_id"]].itertuples(index=False, name=None)}
    before: dict[int, np.ndarray] = {}
    rows = []
    for word in words.to_dict("records"):
        frame = floor_frame(word["start_s"])
        taken, likeness = take(at.get(frame), before.get(word["speaker"]))
        if taken is not None and taken["descriptor"] is not None:
            before[word["speaker"]] = np.asarray(taken["descriptor"])
        track = NOBODY if taken is None else taken["track_id"]
        mine = cropped.get((word["utterance_id"], frame), NOBODY)
        rows.append(
            {name: word[name] for name in COLUMNS[:4]}
            | {"frame": frame, "persons": len(at.get(frame, ()))}
            | {"likeness": likeness[0], "second_likeness": likeness[1]}
            | {"published_track": track, "our_track": mine, "same": track == mine}
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def take(rows: pd.DataFrame | None, before: np.ndarray | None) -> tuple[dict[Any, Any] | None, tuple[float, float]]:
    """Algorithm 1's choice among the persons of a frame, with its likeness to the one before and the next one's.

    Args:
        rows: the frame's tracks; None where there are none.
        before: descriptor of the person taken before.
    """
    if rows is None or rows.empty:
        return None, (np.nan, np.nan)
    records = rows.to_dict("records")
    if before is None:
        return max(records, key=lambda row: row["score_of"]), (np.nan, np.nan)
    likeness = [-1.0 if row["descriptor"] is None else cosine(np.asarray(row["descriptor"]), before) for row in records]
    order = np.argsort(likeness)[::-1]
    second = likeness[order[1]] if len(order) > 1 else np.nan
    return records[order[0]], (likeness[order[0]], second)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two descriptors."""
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def summary(table: pd.DataFrame) -> Block:
    """Words of each case, and how many of them ours decides alike or leaves without a crop."""
    rows = []
    for number, case in enumerate(CASES):
        of_case = table[table["persons"].clip(upper=2) == number]
        share = f"{100 * len(of_case) / len(table):.1f}" if len(table) else "not available"
        none = int((of_case["our_track"] == NOBODY).sum())
        rows.append([case, f"{len(of_case):,}", share, f"{int(of_case['same'].sum()):,}", f"{none:,}"])
    return Block("Words by case", ["persons in the picture", "words", "%", "ours alike", "ours nobody"], rows)


def _lanes(axes: Axes, rows: pd.DataFrame, seen: pd.DataFrame) -> None:
    """A lane a person: when they are in the picture, and the words that take them."""
    persons = seen["person"].value_counts().index[:PERSONS].tolist()
    lane = {person: -place for place, person in enumerate(sorted(persons))}
    for person, place in lane.items():
        frames = np.unique(seen.loc[seen["person"] == person, "frame"])
        edges = [0, *(np.flatnonzero(np.diff(frames) > 1) + 1), len(frames)]
        for start, stop in pairwise(edges):
            axes.barh(place, (stop - start) / FPS, 0.6, frames[start] / FPS, color="#E4E7EA", zorder=1)
    person_of = {(t, f): p for t, f, p in seen[["track_id", "frame", "person"]].itertuples(index=False, name=None)}
    looks: dict[str, dict[str, Any]] = {"published_track": {"s": 9}, "our_track": {"s": 42, "facecolors": "none"}}
    for column, look in looks.items():
        for _, said in rows.groupby("speaker"):
            keys = zip(said[column], said["frame"], strict=True)
            places = [lane.get(person_of.get(key, NOBODY), np.nan) for key in keys]
            of_speaker = COLOURS[said["speaker"].iloc[0] % 2]
            colour: dict[str, Any] = {"edgecolors": of_speaker, "linewidths": 0.9}
            if column == "published_track":
                colour = {"color": of_speaker}
            axes.scatter(said["frame"] / FPS, places, zorder=3, **look, **colour)
    axes.set(ylim=(-len(lane) + 0.4, 0.6), yticks=list(lane.values()), yticklabels=[f"person {one}" for one in lane])
    for speaker, colour_ in enumerate(COLOURS):
        axes.text(0.86 + 0.075 * speaker, 1.03, f"speaker {speaker}", size=6.5, color=colour_, transform=axes.transAxes)
    axes.tick_params(length=2, labelsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)


def _likeness(axes: Axes, rows: pd.DataFrame) -> None:
    """Likeness of the taken and of the next, where there are two."""
    several = rows[rows["second_likeness"].notna()]
    axes.scatter(several["frame"] / FPS, several["likeness"], s=9, color=PALETTE[2], label="taken")
    axes.scatter(several["frame"] / FPS, several["second_likeness"], s=9, color=PALETTE[7], marker="x", linewidths=0.8)
    axes.set_title("likeness to the one before: taken (dot), next (cross)", loc="left", size=6.5, pad=3)
    axes.set_xlim(0, float(rows["frame"].max()) / FPS + 0.5)
    if several.empty:
        axes.text(0.5, 0.5, "never two in the picture", ha="center", transform=axes.transAxes, size=6.5)
    axes.tick_params(length=2, labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("seconds", size=6, labelpad=1)


def _counts(axes: Axes, table: pd.DataFrame) -> None:
    """The summary over all counted clips."""
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(-4, 0.3))
    block = summary(table)
    places = (0.0, 0.58, 0.7, 0.85, 1.0)
    for line, cells in enumerate([["all counted clips", *block.header[1:3], "alike", "nobody"], *block.rows]):
        for place, cell in zip(places, cells, strict=True):
            align = "left" if place == 0 else "right"
            axes.text(place, -line, cell, ha=align, size=6, color=QUIET if line == 0 else "black")
