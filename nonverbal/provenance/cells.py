"""Cells of the paper's tables: how they are named, and which numbers of which files each is computed from."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from nonverbal.errors import UserError
from nonverbal.paper import table1, table3, table4
from nonverbal.paper.comparison import MISSING
from nonverbal.provenance.config_keys import leaves
from nonverbal.provenance.record import Record

# Settings and baselines of table 4 -> the rules whose outputs its measuring rules read, but not for these numbers.
MODELS = frozenset({"train_mars", "generate", "base"})
UNREAD = {
    "zero_shot": frozenset({"train_mars"}), "uniform": None, "unigram": MODELS, "true": MODELS, "true_decoded": MODELS,
}  # fmt: skip
# Table 1 -> the statistics it asks.
ASKED = {"hours": "dialogues", "text": "unique_words", "video": "videos", "nonverbal": "nonverbal_expressions"}


@dataclass(frozen=True)
class Cell:
    """One number of a table: a row of its CSV."""

    table: Path
    row: str
    group: str
    metric: str
    unit: str
    published: float | None
    ours: float | None
    source: str  # of the published number, with its note


@dataclass(frozen=True)
class Origin:
    """Where our number comes from.

    Attributes:
        numbers: (file as the table's record names it, key in it) of each number.
        how: what is done with them: their mean is taken, and then `compute`d with.
        without: rules whose outputs the files' rules read, but not for these numbers; None: no file is needed.
    """

    numbers: list[tuple[str, str]]
    how: str
    without: frozenset[str] | None = frozenset()
    compute: Callable[[float], float] = float


def parse(address: str) -> tuple[Path, str, str]:
    """The table, row and column that `TABLE.csv:ROW:COLUMN` names.

    Raises:
        UserError: it has another form, or there is no such file.
    """
    path, *names = address.split(":")
    if len(names) != 2 or not path.endswith(".csv"):
        how = "write TABLE.csv:ROW:COLUMN, as results/paper/table3.csv:ours:face_vmse"
        raise UserError(f"{address!r} names no cell; {how}")
    if not Path(path).is_file():
        raise UserError(f"there is no table {path}; write the path of a CSV in the paper folder of a run's results")
    return Path(path), names[0], names[1]


def find(path: Path, name: str, metric: str, record: Record) -> Cell:
    """The cell in a row and column of a table.

    Args:
        path: of the table.
        name: of the row: its label, its group, both, or what the config calls it.
        metric: of the column.
        record: of the table.

    Raises:
        UserError: there is none; says which there are.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not {"row", "group", "metric", "published", "ours", "source"} <= set(table.columns):
        raise UserError(f"{path} is no table of published and own numbers; write one of table1.csv to table4.csv")
    labels = record["params"].get("rows", {})  # of table 3, as the config names them
    shown = " ".join((labels[name]["group"], labels[name]["label"])) if name in labels else name
    return _cell(path, _row(table, str(path), shown, metric))


def _row(table: pd.DataFrame, path: str, name: str, metric: str) -> Any:  # noqa: ANN401 - a row of the table
    named = table[[slug(name) in _names(row, group) for row, group in table[["row", "group"]].to_numpy()]]
    if named.empty:
        known = sorted({_shortest(table, row, group) for row, group in table[["row", "group"]].to_numpy()})
        raise UserError(f"{path} has no row {name!r}; its rows are {', '.join(known)}")
    found = named[named["metric"] == metric]
    if found.empty:
        metrics = ", ".join(dict.fromkeys(named["metric"]))
        raise UserError(f"{path} has no column {metric!r} in row {name!r}; its columns are {metrics}")
    if len(found) > 1:
        found = found[found["ours"] != MISSING] if (found["ours"] != MISSING).any() else found
    if len(found) > 1:
        several = ", ".join(_shortest(table, row, group) for row, group in found[["row", "group"]].to_numpy())
        raise UserError(f"{path} has several rows {name!r}; write one of {several}")
    return found.iloc[0]


def slug(name: str) -> str:
    """A name as it is typed: small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _names(row: str, group: str) -> set[str]:
    return {slug(row), slug(group), slug(f"{row} {group}"), slug(f"{group} {row}")}


def _shortest(table: pd.DataFrame, row: str, group: str) -> str:
    same = table[["row", "group"]].drop_duplicates()
    return slug(row) if (same["row"] == row).sum() == 1 else f"{slug(group)}/{slug(row)}"


def _cell(table: Path, row: Any) -> Cell:  # noqa: ANN401
    note = f" ({row['note']})" if row.get("note") else ""
    numbers = {
        name: None if row[name] in ("", MISSING) else float(row[name]) for name in ("published", "ours")
    }  # fmt: skip
    return Cell(table, row["row"], row["group"], row["metric"], row["unit"], **numbers, source=row["source"] + note)


def origin(cell: Cell, record: Record, read: dict[str, Any]) -> Origin | None:
    """Where our number in a cell comes from; None where this run has none.

    Args:
        cell: of the table that the record made.
        record: of the table.
        read: what the JSON files among the record's inputs hold, by path.
    """
    known = _known(cell, record, read)
    if cell.ours is not None and (known is None or value(known, read) is None):
        return _by_value(cell, read)
    return known


def _known(cell: Cell, record: Record, read: dict[str, Any]) -> Origin | None:
    match record["rule"]:
        case "table1":
            return _of_table1(cell, record, read)
        case "table2":
            return Origin([(path, cell.metric) for path in read], "as counted")
        case "table3":
            return _of_table3(cell, record, read)
        case "table4":
            return _of_table4(cell, record, read)
    raise UserError(
        f"{cell.table} was made by rule {record['rule']}, whose cells are not explained; write table 1 to 4"
    )


def _by_value(cell: Cell, read: dict[str, Any]) -> Origin | None:
    """The numbers that are ours, of the keys that bear the metric's name; for rows that nothing above names."""
    assert cell.ours is not None
    same = [
        (path, key) for path, content in read.items() for key, held in leaves(content).items()
        if isinstance(held, float | int) and math.isclose(held, cell.ours, rel_tol=1e-9)
    ]  # fmt: skip
    named = [(path, key) for path, key in same if {*key.split(".")[-1].split("_")} & {*cell.metric.split("_")}]
    return Origin(named[:1] or same[:1], "found by its value") if same else None


def value(found: Origin, read: dict[str, Any]) -> float | None:
    """Our number, computed again; None where a file does not hold what it takes."""
    numbers = [number(read.get(path), key) for path, key in found.numbers]
    return None if not numbers or None in numbers else found.compute(fmean(numbers))


def number(content: Any, key: str) -> Any:  # noqa: ANN401
    """What a JSON file holds at a dotted key."""
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _of_table1(cell: Cell, record: Record, read: dict[str, Any]) -> Origin | None:
    if (cell.row, cell.group) != table1.VENUS:
        return None
    numbers = [(path, ASKED.get(cell.metric, cell.metric)) for path in read]
    if cell.metric == "hours":
        length_s = record["params"]["length_s"]
        return Origin(numbers, f"times {length_s:g} s a clip, in hours", compute=lambda clips: clips * length_s / 3600)
    if cell.metric in ASKED:
        return Origin(numbers, "1 where it is more than 0", compute=lambda count: float(count > 0))
    return Origin(numbers, "as counted")


def _of_table3(cell: Cell, record: Record, read: dict[str, Any]) -> Origin | None:
    part, _, metric = cell.metric.partition("_")
    rows = {"ours": table3.OURS} | {
        name: (row["label"], row["group"]) for name, row in record["params"]["rows"].items()
    }
    names = {name for name, shown in rows.items() if shown == (cell.row, cell.group)}
    results = dict(_of_part(part, read))
    if (cell.row, cell.group) in (table3.REFERENCE, table3.CONSTANT):
        section = "reference" if (cell.row, cell.group) == table3.REFERENCE else "constant_mean"
        first = next((path for path, one in results.items() if one["row"] == "ours"), None)
        if first is None:
            return None
        key = (table3.CODED | table3.OWN).get(metric)
        return Origin([(first, f"{section}.{key}")], "needs no tokenizer", frozenset({"train_tokenizer"}))
    if not names:
        return None
    key = (
        f"codebook.{table3.CODEBOOK[metric]}"
        if metric in table3.CODEBOOK
        else f"model.{(table3.CODED | table3.OWN).get(metric, metric)}"
    )
    shared = record["params"]["trained"][part][names.pop()]
    numbers = [(path, key) for path, one in results.items() if one["row"] == shared]
    how = f"mean of {len(numbers)} trainings" if len(numbers) > 1 else "one training"
    return Origin(numbers, how)


def _of_part(part: str, read: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    found = [(path, one) for path, one in read.items() if one.get("part") == part]
    yield from sorted(found, key=lambda item: item[1]["repeat"])


def _of_table4(cell: Cell, record: Record, read: dict[str, Any]) -> Origin | None:
    base = record["params"]["base"]
    if cell.row != table4.MODELS.get(base, base):
        return None
    measured = next((path for path, one in read.items() if "uniform" in one), "")
    motion = next((path for path, one in read.items() if "answers" in one), "")
    ablations = [(path, one) for path, one in read.items() if "scores" in one]
    key = (table4.PUBLISHED | table4.OWN).get(cell.metric, cell.metric)
    trained = [
        (path, f"scores.{key}") for path, one in sorted(ablations, key=lambda item: item[1]["repeat"])
        if table4.ROWS.get(one["row"]) == cell.group and one["scores"].get(key) is not None
    ]  # fmt: skip
    if trained:
        return Origin(trained, f"mean of {len(trained)} trainings" if len(trained) > 1 else "one training")
    for setting, label in (table4.TRUTH | table4.SETTINGS).items():
        if label == cell.group:
            path = motion if cell.metric in table4.MOTION else measured
            return Origin([(path, f"settings.{setting}.{key}")], "as measured", UNREAD.get(setting, frozenset()))
    for baseline, label in table4.BASELINES.items():
        if label == cell.group:
            part = key.removesuffix("_given_kind")
            return Origin([(measured, f"{baseline}.{part}")], "needs no training", UNREAD[baseline])
    return None


def load(paths: list[str], places: dict[str, Path]) -> dict[str, Any]:
    """What the JSON files among some inputs hold; one that is gone, or is no JSON any more, is left out."""
    found = {}
    for path in paths:
        if path.endswith(".json"):
            try:
                found[path] = json.loads(places[path].read_text())
            except (OSError, ValueError):
                continue
    return found
