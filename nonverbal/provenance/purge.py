"""Take removed videos out of finished results: rows, files and lines of shards, and whole what several shards made."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nonverbal.collect.removals import Gone
from nonverbal.provenance.audit import Audit
from nonverbal.provenance.hashes import files_of, hash_path, write_atomically
from nonverbal.provenance.names import Names, drop_lines
from nonverbal.provenance.record import Record, record_path
from nonverbal.provenance.why import TRAINING
from nonverbal.schema import intact

CLIP = r"_\d+$"  # what a clip's id adds to its video's
LISTING = Path("collect") / "channels"
LISTED = ("sources", "channels")  # tables there which have a row also of what is dropped
WORK = re.compile(r"\..+\.work-[0-9a-f]+")  # finished units of a stopped job
LINES = frozenset((".csv", ".jsonl", ".log", ".md", ".tsv", ".txt"))  # of what no job claims, these lose lines


class Fate(IntEnum):
    """What becomes of a job's outputs."""

    KEPT = 0
    FILTERED = 1
    DELETED = 2


class Purge:
    """One removal from one results folder.

    Args:
        results: the folder.
        root: where inputs outside of it lie.
        gone: what to take out.
        own: what stays as it is, as do the sources that were listed.
    """

    def __init__(self, results: Path, root: Path, gone: Gone, own: Iterable[Path] = ()) -> None:
        self.results, self.gone, self.listing = results, gone, results / LISTING
        self.audit = Audit(results, root)
        self.before = {path: sha256 for made in self.audit.records for path, sha256 in made["outputs"].items()}
        self.counts: Counter[str] = Counter(sources=gone.sources, videos=len(gone.videos), rows=0, files=0)
        self.deleted: list[str] = []
        self.models: list[dict[str, str]] = []
        self.fates: dict[int, Fate] = {}
        self.called = Names(gone.videos | gone.keys)
        self.said = Names(gone.videos | gone.keys | gone.words)
        self.own = {path.resolve() for path in (*own, *self._sources())}

    def run(self) -> None:
        """All but the listing."""
        for record in self.audit.records:
            fate = self.fate(record)
            if fate == Fate.DELETED:
                self._delete(record)
            elif fate == Fate.FILTERED and record["rule"] != "channels":
                for path in record["outputs"]:
                    self._filter(self.audit.place(path))
        self._clear_work()
        self._sweep()

    def content(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"counts": dict(self.counts), "to_retrain": self.models, "deleted": sorted(self.deleted)}

    def finish(self, found: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        """Write the records, then the tables of rule channels, `channels` last.

        Args:
            found: rows of table `sources`.
            entries: rows of table `channels`.
        """
        staged = self._stage(found, entries)
        now = {
            path: hash_path(staged.get(place := self.audit.place(path), place))
            for record in self.audit.records if self.fate(record) == Fate.FILTERED
            for path in record["outputs"]
        }  # fmt: skip
        for record in reversed(self.audit.records):  # what read before what made it, so that a killed purge goes on
            if self.fate(record) != Fate.DELETED:
                self._correct(record, now)
        for path, partial in staged.items():
            with same_time(path):
                partial.replace(path)

    def _stage(self, found: list[dict[str, Any]], entries: list[dict[str, Any]]) -> dict[Path, Path]:
        """The tables of rule channels as they will be, each beside the one whose place it takes; `channels` last."""
        staged = {}
        for path in sorted(self.listing.glob("[0-9]*.parquet")):
            partial = path.with_name(f".{path.name}.partial")
            if self._rewrite(path, partial):
                staged[path] = partial
        for name, rows in zip(LISTED, (found, entries), strict=True):
            path = self.listing / f"{name}.parquet"
            staged[path] = path.with_name(f".{path.name}.partial")
            table = pa.Table.from_pylist(rows, schema=_read(path).schema)
            pq.write_table(table, staged[path], compression="zstd")
        return staged

    def _sources(self) -> Iterator[Path]:
        """What was listed, also what the config has lost since."""
        for record in self.audit.records:
            if record["rule"] == "channels":
                yield from map(self.audit.place, record["inputs"])

    @cached_property
    def shards(self) -> dict[str, bool]:
        """Each shard, and whether removed videos are in it."""
        return {
            path.stem: not self.gone.videos.isdisjoint(_read(path)["video_id"].to_pylist())
            for path in sorted(self.listing.glob("[0-9]*.parquet"))
        }

    def fate(self, record: Record) -> Fate:
        """What becomes of a job's outputs: of a shard they are filtered; made of filtered ones together, deleted."""
        if id(record) not in self.fates:
            self.fates[id(record)] = Fate.KEPT  # ends the walk where a job reads a folder it writes to
            self.fates[id(record)] = self._fate(record)
        return self.fates[id(record)]

    def _fate(self, record: Record) -> Fate:
        if record["rule"] == "channels":
            return Fate.FILTERED
        above = [self.audit.made[path] for name in record["inputs"] for path in self.audit.producers(name)]
        worst = max((self.fate(made) for made in above), default=Fate.KEPT)
        shard = record["wildcards"].get("shard")
        if shard is None or worst == Fate.DELETED:
            return Fate.DELETED if worst else Fate.KEPT
        return Fate.FILTERED if self.shards.get(shard) else Fate.KEPT

    def _delete(self, record: Record) -> None:
        """A model stays until it is trained anew; its tables, which name what it was trained on, do not."""
        model = TRAINING.get(record["rule"])
        for path, sha256 in record["outputs"].items():
            place = self.audit.place(path)
            if place.name == model and place.exists():
                self.models.append({"path": path, "rule": record["rule"], "sha256": sha256})
            elif model is None or place.suffix == ".parquet":
                remove(place)
                self.deleted.append(path)

    def _filter(self, place: Path) -> None:
        """Take rows or files out of a shard's output; its time stays, so that no job runs for it."""
        if place.is_dir():
            named = [inner for inner in sorted(place.rglob("*")) if self._is_called(inner.name)]
            self.counts["files"] += len({file for inner in named for file in files_of(inner)})
            with same_time(place):
                for inner in named:
                    remove(inner)
        elif place.exists():
            self.counts["rows"] += self._drop_rows(place)

    def _drop_rows(self, path: Path) -> int:
        """Take the rows of removed videos out of a table; how many there were."""
        partial = path.with_name(f".{path.name}.partial")
        dropped = self._rewrite(path, partial)
        if dropped:
            with same_time(path):
                partial.replace(path)
        return dropped

    def _rewrite(self, path: Path, partial: Path) -> int:
        """Write a table, a row group at a time, without the rows of removed videos, if there are any; how many."""
        dropped = 0
        with (
            intact(path),
            pq.ParquetFile(path) as table,
            pq.ParquetWriter(partial, table.schema_arrow, compression="zstd") as writer,
        ):
            for number in range(table.num_row_groups):
                group = table.read_row_group(number)
                left = group.filter(self._left(group))
                dropped += len(group) - len(left)
                if len(left):
                    writer.write_table(left)
        if not dropped:
            partial.unlink()
        return dropped

    def _left(self, group: pa.Table) -> pa.ChunkedArray:
        """Which rows are of no removed video."""
        videos = (
            group["video_id"] if "video_id" in group.column_names
            else pc.replace_substring_regex(group["clip_id"], CLIP, "")
        )  # fmt: skip
        return pc.invert(pc.is_in(videos, value_set=pa.array(sorted(self.gone.videos), pa.string())))

    def _is_called(self, name: str) -> bool:
        return self.called.are_in(os.fsencode(name))

    def _clear_work(self) -> None:
        """Finished units of stopped jobs, but for shards in which nothing is removed, and not of runs further down."""
        others = {shard for shard, affected in self.shards.items() if not affected}
        for folder, folders, _ in os.walk(self.results):
            here = Path(folder)
            folders[:] = [name for name in folders if not (here / name / "provenance" / "jobs").is_dir()]
            if others.isdisjoint(here.relative_to(self.results).parts):
                for name in filter(WORK.fullmatch, folders):
                    remove(here / name)

    def _sweep(self) -> None:
        """Logs lose the lines that name what is removed; what no job claims, too, or goes."""
        for file in sorted((self.results / "logs").rglob("*")):
            if is_plain(file):
                drop_lines(file, self.said)
        for file in map(Path, self.audit.orphans()):
            if not is_plain(file) or not self.own.isdisjoint((place := file.resolve(), *place.parents)):
                continue
            if file.suffix in LINES:
                drop_lines(file, self.called)
            elif self._is_called(file.name) or self.called.are_in_file(file):
                remove(file)

    def _correct(self, record: Record, now: dict[str, str]) -> None:
        """Write the hashes of what is left of a job's outputs, and of its inputs that it read as they were made."""
        outputs = {path: now.get(path, sha256) for path, sha256 in record["outputs"].items()}
        inputs = {
            path: now.get(path, sha256) if self.before.get(path) == sha256 else sha256
            for path, sha256 in record["inputs"].items()
        }
        if (outputs, inputs) != (record["outputs"], record["inputs"]):
            record |= {"outputs": outputs, "inputs": inputs}
            path = record_path({"results": self.results}, record["rule"], record["wildcards"])
            write_atomically(path, json.dumps(record, indent=1, sort_keys=True, default=str) + "\n")


def is_plain(file: Path) -> bool:
    """Whether a path is a file itself: what a link leads to is somewhere else's, and a pipe can't be read."""
    return file.is_file() and not file.is_symlink()


def remove(place: Path) -> None:
    """Delete a file or folder, if it is there; of a link, not what it leads to."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows of a table; none where it is not there."""
    return _read(path).to_pylist() if path.exists() else []


def _read(path: Path) -> pa.Table:
    with intact(path):
        return pq.read_table(path)


@contextmanager
def same_time(path: Path) -> Iterator[None]:
    """What is done within leaves the path's time of change as it was."""
    state = path.stat()
    yield
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
