"""The funnel: what went into each filter, what it kept, and why it dropped the rest; it must balance.

Counts after each filter are published nowhere for the original dataset; here nothing may disappear without a reason.
"""

import logging
from collections import Counter
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pandas as pd

from nonverbal.schema import REASONS, TABLES, read_table, write_table

log = logging.getLogger("nonverbal")

# (stage, decision table, unit) in the order of the pipeline.
FILTERS = (
    ("collect", "sources", "source"),
    ("collect", "channels", "video"),
    ("collect", "keep_people", "video"),
    ("collect", "download", "video"),
    ("collect", "clips", "clip"),
    ("speech", "keep_two_speakers", "clip"),
    ("speech", "keep_language", "clip"),
    ("speakers", "keep_visible", "clip"),
    ("dataset", "keep_safe", "clip"),
)


class ImbalanceError(ValueError):
    """Units appeared, disappeared or were counted twice between two filters; the message names them."""


def funnel(
    sources: list[Path], channels: list[Path], keep_people: list[Path], download: list[Path], clips: list[Path],
    keep_two_speakers: list[Path], keep_language: list[Path], keep_visible: list[Path], keep_safe: list[Path],
    funnel: Path,
) -> None:  # fmt: skip
    """Write the funnel of all shards, and log it as a table.

    Args:
        sources, channels, ..., keep_safe: decision tables of those names, of all shards.
        funnel: table to write.

    Raises:
        ImbalanceError: a filter's units are not those that the filter before it kept.
    """
    paths = {
        "sources": sources, "channels": channels, "keep_people": keep_people, "download": download, "clips": clips,
        "keep_two_speakers": keep_two_speakers, "keep_language": keep_language, "keep_visible": keep_visible,
        "keep_safe": keep_safe,
    }  # fmt: skip
    tables = {name: read_table(paths[name], name) for _, name, _ in FILTERS}
    check_balance(tables)
    rows = [row for stage, name, unit in FILTERS for row in count(stage, name, unit, tables[name])]
    log.info("funnel:\n%s", as_text(rows))
    write_table(funnel, "funnel", rows)


def check_balance(tables: dict[str, pd.DataFrame]) -> None:
    """Each filter decides on exactly what the one before it kept.

    Where the unit changes: channels has all entries that the sources list, and a kept video has a row in clips.

    Args:
        tables: decision table of each filter, all shards together.

    Raises:
        ImbalanceError: naming the units.
    """
    before: list[str] = []
    for position, (_, name, _) in enumerate(FILTERS):
        table = tables[name]
        if name == "channels":
            _same_number(tables["sources"], table)
        elif name != "sources":
            _same_units(name, FILTERS[position - 1][1], units=_units(name, table), before=before)
        before = table.loc[table["kept"], TABLES[name].names[0]].tolist()
        if twice := sorted(unit for unit, times in Counter(before).items() if times > 1):
            raise ImbalanceError(f"{name} keeps more than once: {', '.join(twice)}")


def _units(name: str, table: pd.DataFrame) -> list[str]:
    """What a table decides on, in the unit of the filter before it: the videos of the clips, else its own units."""
    if name == "clips":
        return table["video_id"].drop_duplicates().tolist()
    return table[TABLES[name].names[0]].tolist()


def _same_units(name: str, earlier: str, units: list[str], before: list[str]) -> None:
    seen, expected = Counter(units), Counter(before)
    problems = {
        f"kept by {earlier} but not seen by {name}": expected - seen,
        f"seen by {name} but not kept by {earlier}, or seen twice": seen - expected,
    }
    text = "; ".join(f"{problem}: {', '.join(sorted(ids))}" for problem, ids in problems.items() if ids)
    if text:
        raise ImbalanceError(text)


def _same_number(sources: pd.DataFrame, channels: pd.DataFrame) -> None:
    listed = int(sources.loc[sources["kept"], "entries"].sum())
    if listed != len(channels):
        names = ", ".join(sorted(sources["channel_id"]))
        raise ImbalanceError(f"the sources list {listed} videos but channels has {len(channels)}; sources: {names}")


def count(stage: str, name: str, unit: str, table: pd.DataFrame) -> list[dict]:
    """The funnel's rows of one filter: one a reason, most frequent first; one with no reason where nothing is dropped.

    Raises:
        ImbalanceError: a unit is dropped for no known reason, so that in = kept + dropped does not hold.
    """
    kept = int(table["kept"].sum())
    dropped = table[~table["kept"]]
    if unexplained := dropped.loc[~dropped["reason"].isin(REASONS[name]), TABLES[name].names[0]].tolist():
        raise ImbalanceError(f"{name} drops for no known reason: {', '.join(sorted(unexplained))}")
    reasons = sorted(Counter(dropped["reason"]).items(), key=lambda item: (-item[1], item[0])) or [("", 0)]
    head = {"stage": stage, "filter": name, "unit": unit, "in": len(table), "kept": kept}
    return [{**head, "reason": reason, "dropped": number} for reason, number in reasons]


def as_text(rows: list[dict]) -> str:
    """The funnel for a console: one line a filter."""
    lines = [f"{'filter':<20}{'unit':<7}{'in':>8}{'kept':>8}{'dropped':>9}  reasons"]
    for name, part in groupby(rows, key=itemgetter("filter")):
        counts = list(part)
        head, dropped = counts[0], sum(row["dropped"] for row in counts)
        reasons = ", ".join(f"{row['reason']} {row['dropped']}" for row in counts if row["dropped"])
        lines.append(f"{name:<20}{head['unit']:<7}{head['in']:>8}{head['kept']:>8}{dropped:>9}  {reasons}".rstrip())
    return "\n".join(lines)
