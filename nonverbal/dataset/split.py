"""Train, validation and test, such that no channel and no known person is in two of them.

The channels (or videos) that share a person are one group; groups are given out largest first. Where there are fewer
groups than splits, a finer unit is divided and the log says what may leak then; the order is channel, video, clip.
"""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nonverbal.dataset.settings import Split
from nonverbal.schema import kept_ids, read_given, read_table, write_table
from nonverbal.shards import digest

log = logging.getLogger("nonverbal")
UNITS = ("channel", "video", "clip")
SPLITS = ("train", "test", "validation")  # in order of need, when there are too few clips for all


def split(
    clips: list[Path], keep_safe: list[Path], persons: list[Path], split: Path, settings: Split, seed: int
) -> None:
    """Assign every clip of the dataset to a split.

    Args:
        clips: the shards' tables of that name.
        keep_safe: the shards' last decisions; what they keep is the dataset.
        persons: one CSV with columns video_id and person, or none; says which videos show the same person.
        split: table to write, ordered by clip id; group is UNIT:NAME.
        settings: shares and unit.
        seed: decides between groups of one size.
    """
    columns = ["clip_id", "video_id", "channel_id"]
    table = read_table(clips, "clips").set_index("clip_id", drop=False)
    table = table.loc[sorted(kept_ids(keep_safe, "keep_safe")), columns].reset_index(drop=True)
    known = pd.concat([_read_persons(path) for path in persons]) if persons else None
    shares = {"train": 1 - settings.validation - settings.test, "test": settings.test}
    shares["validation"] = settings.validation
    table["group"] = choose_groups(table, known, settings.by, sum(share > 0 for share in shares.values()))
    assigned = assign(dict(Counter(table["group"])), shares, seed)
    table["split"] = table["group"].map(assigned).astype(str)
    log.info("split: clips by split %s", table["split"].value_counts().to_dict())
    write_table(split, "split", table)


def choose_groups(table: pd.DataFrame, persons: pd.DataFrame | None, by: str, splits: int) -> pd.Series:
    """The group of each clip: of the coarsest unit, from `by` on, that makes enough groups; else of the clips."""
    groups = group_by(table, by, persons)
    for finer in UNITS[UNITS.index(by) + 1 :]:
        if groups.nunique() >= splits:
            break
        log.warning(
            "split: %d group(s) by %s cannot fill %d splits; dividing by %s instead, so one %s may be in two splits",
            groups.nunique(), groups.name, splits, finer, groups.name,
        )  # fmt: skip
        groups = group_by(table, finer, persons)
    if groups.nunique() < splits:
        log.warning("split: %d clip(s) cannot fill %d splits; some stay empty", len(groups), splits)
    return groups


def group_by(table: pd.DataFrame, unit: str, persons: pd.DataFrame | None) -> pd.Series:
    """Name of the group of each clip: its channel, video or clip, merged with all that share a person with it.

    Clips are the last resort of a single video, where persons cannot be kept apart, and are not merged.

    Args:
        table: clip_id, video_id, channel_id.
        unit: channel, video or clip.
        persons: video_id and person, where known.
    """
    units = table[f"{unit}_id"]
    if persons is None or unit == "clip":
        return (f"{unit}:" + units).rename(unit)
    seen = persons.merge(table, on="video_id")
    unit_codes, unit_names = pd.factorize(units, sort=True)
    person_codes, names = pd.factorize(seen["person"], sort=True)
    ends = pd.Index(unit_names).get_indexer(seen[f"{unit}_id"]), person_codes + len(unit_names)
    nodes = len(unit_names) + len(names)
    graph = coo_matrix((np.ones(len(seen)), ends), shape=(nodes, nodes))
    _, components = connected_components(graph, directed=False)
    first = pd.Series(unit_names).groupby(components[: len(unit_names)]).transform("min")
    return pd.Series(f"{unit}:" + first.to_numpy()[unit_codes], index=table.index, name=unit)


def assign(sizes: dict[str, int], shares: dict[str, float], seed: int) -> dict[str, str]:
    """The split of each group: largest first, each to the split that lacks most clips, none of them left empty.

    Args:
        sizes: clips of each group.
        shares: part of the clips each split should have, summing to 1; a split of share 0 is not made.
        seed: orders groups of one size.

    Returns:
        Group -> split. With fewer groups than splits, train is served first, then test, then validation.
    """
    wanted = [name for name in SPLITS if shares[name] > 0][: len(sizes)]
    lacks = {name: shares[name] * sum(sizes.values()) for name in wanted}
    order = sorted(sizes, key=lambda group: (-sizes[group], digest([seed, group])))
    chosen: dict[str, str] = {}
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        empty = [name for name in wanted if name not in chosen.values()]
        chosen[group] = max(empty if len(empty) >= left else wanted, key=lambda name: lacks[name])
        lacks[chosen[group]] -= sizes[group]
    return chosen


def _read_persons(path: Path) -> pd.DataFrame:
    columns = ["video_id", "person"]
    table = read_given(path, "dataset.split.persons", columns)[columns]
    return table[(table != "").all(axis=1)]
