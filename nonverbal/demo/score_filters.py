"""Did each filter drop what it must, for the right reason, and nothing else?"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score, mean
from nonverbal.schema import TABLES, read_table

SLACK_S = 0.1  # a video's sound and picture may end that far apart


def filter_scores(known: Known, tables: dict[str, list[Path]], length_s: float) -> Iterator[Score]:
    """Precision and recall of each filter's drops, then each bad video, then the good clips.

    A drop is right if the truth has the same word at the same table. Baselines: dropping at random as many units.

    Args:
        tables: paths by name of decision table, in the order of the pipeline.
        length_s: seconds a clip.
    """
    decided = {name: decisions(known, name, paths, length_s) for name, paths in tables.items()}
    for name, table in decided.items():
        yield from precision_recall(name, table)
    yield from bad_videos(known, decided)
    yield from good_to_the_end(known, decided["clips"], decided[list(tables)[-1]])


def decisions(known: Known, name: str, paths: list[Path], length_s: float) -> pd.DataFrame:
    """One row a unit: its id, video, reason (what the filter said), expected (what the truth says; "" for keeping)."""
    table = read_table(paths, name)
    unit = TABLES[name].names[0]
    videos = table[unit].map(
        known.video_of if unit == "video_id" else {id: clip.video for id, clip in known.clips.items()}
    )
    expected = videos.map({k: t.expected_reason if t.expected_table == name else "" for k, t in known.truths.items()})
    if name == "clips":
        lengths = videos.map({key: truth.length_s + SLACK_S for key, truth in known.truths.items()})
        expected = expected.mask((expected == "") & (table["start_s"] + length_s > lengths), "too_short")
    elif name == "channels":
        first = videos.map({key: truth.channels[0] for key, truth in known.truths.items()})
        expected = expected.mask((expected == "") & (table["channel_id"] != first), "duplicate")
    return pd.DataFrame({"unit": table[unit], "video": videos, "reason": table["reason"], "expected": expected})


def precision_recall(name: str, table: pd.DataFrame) -> Iterator[Score]:
    """Of the drops, those that are right; of the units to be dropped, those that were."""
    dropped, wanted = table["reason"] != "", table["expected"] != ""
    right = dropped & (table["reason"] == table["expected"])
    if wanted.any() or dropped.any():
        yield Score(
            "filters", f"{name}: precision of drops", mean(right[dropped]), mean(wanted), "more", 1, "share",
            int(dropped.sum()),
        )  # fmt: skip
    if wanted.any():
        yield Score(
            "filters", f"{name}: recall of drops", mean(right[wanted]), mean(dropped), "more", 1, "share",
            int(wanted.sum()),
        )  # fmt: skip


def bad_videos(known: Known, decided: dict[str, pd.DataFrame]) -> Iterator[Score]:
    """For each bad video, the share of its units at the table that must drop them that it dropped for that reason."""
    for key, truth in known.truths.items():
        if not truth.kept:
            table = decided[truth.expected_table]
            units = table[table["video"] == key]
            units = units[units["expected"] == truth.expected_reason]
            text = f"{key}: dropped by {truth.expected_table} as {truth.expected_reason}"
            right = units["reason"] == truth.expected_reason
            yield Score("bad videos", text, mean(right), np.nan, "more", 1, "share", len(units))


def good_to_the_end(known: Known, clips: pd.DataFrame, last: pd.DataFrame) -> Iterator[Score]:
    """The share of the good videos' whole clips that every filter keeps, and of good videos of which one is kept."""
    good = {key for key, truth in known.truths.items() if truth.kept}
    whole = clips[clips["video"].isin(good) & (clips["expected"] == "")]
    kept = whole["unit"].isin(last.loc[last["reason"] == "", "unit"])
    videos = [key in set(whole.loc[kept, "video"]) for key in sorted(good)]
    for name, values in (
        ("clips of good videos kept to the end", kept),
        ("good videos with a clip at the end", videos),
    ):
        yield Score("filters", name, mean(values), np.nan, "more", 1, "share", len(values))
