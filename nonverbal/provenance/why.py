"""Why a cell of a table holds what it holds: the chain from its number to checkpoints, splits, videos, and the sources.

python -m nonverbal.provenance why results/paper/table3.csv:ours:face_vmse
"""

import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from nonverbal.errors import UserError
from nonverbal.layouts import PARTS
from nonverbal.provenance.audit import Audit
from nonverbal.provenance.cells import Cell, Origin, find, load, number, origin, parse, value
from nonverbal.provenance.config_keys import leaves
from nonverbal.provenance.hashes import MISSING, hash_path
from nonverbal.provenance.record import ROOT, Record

TRAINING = {"train_tokenizer": "model.pt", "train_mars": "model", "base": "model"}  # rule -> its checkpoint
SPLITS = {"split": "split.parquet", "split_records": "split.parquet"}
PARTWISE = {"smooth", "read_records"}  # rules that make face and body each of its own
SHOWN = 3  # videos and files named, of many
WIDTH = 118
Lines = Iterator[str]


@dataclass
class Chain:
    """What a number was made from, walked back from the files it was read in.

    Attributes:
        jobs: record and the outputs of it that were needed, nearest first.
        roots: inputs that no job made -> their hash.
    """

    jobs: list[tuple[Record, list[str]]] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)

    def of(self, *rules: str) -> list[tuple[Record, list[str]]]:
        """The jobs of some rules."""
        return [(record, paths) for record, paths in self.jobs if record["rule"] in rules]


class Why:
    """The answer for one cell.

    Args:
        address: `TABLE.csv:ROW:COLUMN`.
        root: where the code is, and inputs outside the results folder.

    Raises:
        UserError: there is no such cell, or no record of the table.
    """

    def __init__(self, address: str, root: Path = ROOT) -> None:
        table, row, column = parse(address)
        self.audit = Audit(_results_of(table), root)
        places = {self.audit.place(path).resolve(): path for path in self.audit.made}
        if (path := places.get(table.resolve())) is None:
            raise UserError(f"no run record claims {table}; make it anew with --forcerun")
        self.path, self.record = path, self.audit.made[path]
        self.cell: Cell = find(table, row, column, self.record)
        inputs = list(self.record["inputs"])
        self.read = load(inputs, {name: self.audit.place(name) for name in inputs})
        self.origin: Origin | None = origin(self.cell, self.record, self.read)

    @cached_property
    def chain(self) -> Chain:
        """All that our number was made from."""
        if self.origin is None:
            return Chain()
        return walk(self.audit, [path for path, _ in self.origin.numbers], self.origin.without)

    def lines(self) -> Lines:
        """The answer, for people."""
        yield from self._number()
        if self.origin is None:
            yield "This run has no such number: the row was not run (its rows are the config's)."
            return
        yield from self._files()
        yield from self._checkpoints()
        yield from self._splits()
        yield from self._models()
        yield from self._steps()
        yield from self._sources()

    def _number(self) -> Lines:
        cell = self.cell
        ours = "not available" if cell.ours is None else f"{cell.ours:.10g}"
        yield f"{self.path}, row {cell.row} ({cell.group}), column {cell.metric}: {ours} {cell.unit}".rstrip()
        if cell.published is not None:
            yield f"  published: {cell.published:.10g} {cell.unit}, {cell.source}"
        yield f"  {self._made(self.record, self.path)}"

    def _files(self) -> Lines:
        assert self.origin is not None
        yield f"Read from ({self.origin.how})"
        for path, key in self.origin.numbers:
            content = self.read.get(path)
            yield f"  {path}  {key} = {number(content, key)}"
            yield f"    {self._made(self.audit.made[path], path)}"
            if content and "mesh" in content:
                measured = f"{content['frames']:,} frames of {content['runs']} runs, split {content['split']}"
                yield f"    {measured}; {content['mesh']}"
            if content and number(content, key) is None:
                reason = content.get("not_available", {}).get(key.split(".")[-1])
                yield f"    {reason or 'it has no such number'}"
        for path in self.record["inputs"]:
            if path.endswith(".json") and path not in self.read:
                yield f"  {path} cannot be read"
        again = value(self.origin, self.read)
        if again is not None and self.cell.ours is not None:
            agrees = math.isclose(again, self.cell.ours, rel_tol=1e-6, abs_tol=1e-12)
            yield f"  computed again: {again:.10g}, {'as in the table' if agrees else 'NOT what the table holds'}"

    def _checkpoints(self) -> Lines:
        found = self.chain.of(*TRAINING)
        if not found:
            return
        yield "Checkpoints"
        for record, paths in found:
            path = next((path for path in paths if path.endswith(f"/{TRAINING[record['rule']]}")), paths[0])
            yield f"  {path}"
            yield f"    {self._made(record, path)}"
            gpu = f", {record['gpu']}" if record["gpu"] else ""
            took = record["ended"] - record["started"]
            yield f"    seed {record['seed']}, {took:.0f} s on {record['host']}{gpu}"
            settings = leaves(record["config"]) or leaves(record["params"])
            said = ", ".join(f"{key} {value}" for key, value in settings.items() if key != "seed")
            yield from textwrap.wrap(said, WIDTH, initial_indent="    ", subsequent_indent="      ")

    def _splits(self) -> Lines:
        for record, _ in self.chain.of(*SPLITS):
            path = next(path for path in record["outputs"] if path.endswith(SPLITS[record["rule"]]))
            yield "Split"
            yield f"  {path}"
            yield f"    {self._made(record, path)}"
            if self.audit.place(path).is_file():
                yield from self._videos(pd.read_parquet(self.audit.place(path)))

    def _videos(self, split: pd.DataFrame) -> Lines:
        addresses = self._addresses()
        for name, rows in split.groupby("split"):
            videos = sorted(set(rows["video_id"]))
            counts = f"{len(rows)} clips of {len(videos)} videos of {rows['channel_id'].nunique()} channels"
            yield f"    {name}: {counts}"
            for video in videos[:SHOWN]:
                channel = rows.loc[rows["video_id"] == video, "channel_id"].iloc[0]
                yield f"      {video} ({channel}) {addresses.get(video, '')}".rstrip()
            if len(videos) > SHOWN:
                yield f"      and {len(videos) - SHOWN} more"

    def _addresses(self) -> dict[str, str]:
        """Addresses of videos, as the channel list's feeds gave them."""
        found: dict[str, str] = {}
        for record, _ in self.chain.of("channels"):
            for path in record["outputs"]:
                place = self.audit.place(path)
                if place.is_file() and {"video_id", "url"} <= set(pq.read_schema(place).names):
                    table = pq.read_table(place, columns=["video_id", "url"]).to_pandas()
                    found |= dict(zip(table["video_id"], table["url"], strict=True))
        return found

    def _models(self) -> Lines:
        models = {name: model for record, _ in self.chain.jobs for name, model in record["models"].items()}
        if not models:
            return
        yield "Models"
        for name, model in sorted(models.items()):
            rules = sorted({record["rule"] for record, _ in self.chain.jobs if name in record["models"]})
            revision = f" {model['revision']}" if model["revision"] else ""
            yield f"  {name}{revision}, sha256 {model['sha256'][:16]}, {model['licence']}"
            yield f"    {model['source']}; used by {', '.join(rules)}"

    def _steps(self) -> Lines:
        yield "Steps, from this number to the sources"
        rules: dict[str, list[Record]] = {}
        for record, _ in self.chain.jobs:
            rules.setdefault(record["rule"], []).append(record)
        for rule, records in rules.items():
            commits = sorted({record["git"]["commit"][:12] + "+" * bool(record["git"]["dirty"]) for record in records})
            jobs = f"{len(records)} job{'s' * (len(records) > 1)}"
            keys = sorted({key for record in records for key in leaves(record["config"])})
            yield f"  {rule}: {jobs}, commit {', '.join(commits) or 'unknown'}{_shortly(keys)}"

    def _sources(self) -> Lines:
        for record, _ in self.chain.of("channels"):
            yield "Channel list"
            for path, sha256 in record["inputs"].items():
                yield f"  {path}  sha256 {sha256[:16]}{self._now(path, sha256)}"
            place = next(
                (self.audit.place(path) for path in record["outputs"] if path.endswith("/sources.parquet")), None
            )
            if place and place.is_file():
                listed = pd.read_parquet(place)
                yield f"  {len(listed)} sources, {listed['entries'].sum()} entries"
                for row in listed.head(SHOWN).itertuples():
                    yield f"    {row.source}: {row.entries} entries"
        if self.chain.roots:
            yield "Files that no job made"
        for path, sha256 in sorted(self.chain.roots.items()):
            yield f"  {path}  sha256 {sha256[:16]}{self._now(path, sha256)}"

    def _made(self, record: Record, path: str) -> str:
        ended = datetime.fromtimestamp(record["ended"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        sha256 = record["outputs"][path]
        return f"rule {record['rule']}, {ended}, sha256 {sha256[:16]}{self._now(path, sha256)}"

    def _now(self, path: str, sha256: str) -> str:
        present = hash_path(self.audit.place(path))
        return "" if present == sha256 else " (gone since)" if present == MISSING else " (CHANGED since)"


def walk(audit: Audit, paths: Iterable[str], without: frozenset[str] | None = frozenset()) -> Chain:
    """All jobs behind some artifacts, nearest first, and the inputs that no job made.

    Args:
        audit: of the run.
        paths: artifacts, as records name them.
        without: rules whose outputs do not count; None: nothing behind the artifacts' own jobs does.
    """
    chain, needed, waiting = Chain(), {}, list(dict.fromkeys(paths))
    while waiting:
        path, *waiting = waiting
        if path in needed:
            continue
        record = needed[path] = audit.made[path]
        for name, sha256 in record["inputs"].items() if without is not None else ():
            above = [one for one in audit.producers(name) if one != path]
            if record["rule"] in PARTWISE and (part := _part(path)) and _part(name) not in (None, part):
                continue
            if not above:
                chain.roots[name] = sha256
            waiting += [one for one in above if audit.made[one]["rule"] not in (without or ())]
    jobs: dict[int, tuple[Record, list[str]]] = {}
    for path, record in needed.items():
        jobs.setdefault(id(record), (record, []))[1].append(path)
    chain.jobs = list(jobs.values())
    return chain


def _part(path: str) -> str | None:
    """The part that a file or folder is named for."""
    names = {Path(path).stem, *Path(path).parts}
    return next((part for part in PARTS if part in names), None)


def _results_of(table: Path) -> Path:
    for folder in table.resolve().parents:
        if (folder / "provenance" / "jobs").is_dir():
            return folder
    raise UserError(f"{table} lies in no results folder with run records; name a table of a run")


def _shortly(keys: list[str]) -> str:
    """Config keys, the first few."""
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"; config {', '.join(keys[:SHOWN])}{more}" if keys else ""
