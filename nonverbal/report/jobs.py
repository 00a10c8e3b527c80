"""Which job made each part of the page."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nonverbal.provenance.config_keys import leaves
from nonverbal.provenance.record import Record, read_records

ENDINGS = (".png", ".md", ".csv", ".parquet", "")


@dataclass(frozen=True)
class Job:
    """What the page tells of a job. Neither hosts nor paths of the machine are told.

    Attributes:
        path: the artifact, in the results folder.
        sha256: of it.
        rule, wildcards, function, commit, dirty, seed, cpu_s: as recorded.
        began, ended: UTC, for people.
        inputs: name and the first letters of the hash.
        models: names.
        config: keys and values that the job read.
        record: address of the run record, from the page.
        entry: id of the job in the RO-Crate, "" where it is not in it.
    """

    path: str
    sha256: str
    rule: str
    wildcards: str
    function: str
    commit: str
    dirty: bool
    seed: int
    cpu_s: float
    began: str
    ended: str
    inputs: list[tuple[str, str]]
    models: list[str]
    config: list[tuple[str, str]]
    params: dict[str, Any]
    record: str
    entry: str


class Jobs:
    """The jobs of a run, by what they made.

    Args:
        results: the results folder.
        crate: its RO-Crate's metadata.
    """

    def __init__(self, results: Path, crate: Path) -> None:
        # An earlier page is no part of the run that the page tells of.
        self.records = [record for record in read_records(results) if record["rule"] != "report"]
        self.made = {_inside(path, record): record for record in self.records for path in record["outputs"]}
        graph = json.loads(crate.read_text("utf-8"))["@graph"] if crate.is_file() else []
        self.entries = {entity["@id"] for entity in graph}

    def of(self, path: str) -> Job | None:
        """The job that made a file, its ending left out or not, or a folder; none where there is no record."""
        found = next((path + ending for ending in ENDINGS if path + ending in self.made), None)
        return None if found is None else self._job(found, self.made[found])

    def _job(self, path: str, record: Record) -> Job:
        pairs = [f"{key}={value}" for key, value in sorted(record["wildcards"].items())]
        entry = f"#job/{record['rule']}/{','.join(pairs) or 'all'}"
        (sha256,) = (value for name, value in record["outputs"].items() if _inside(name, record) == path)
        return Job(
            path=path, sha256=sha256, rule=record["rule"], wildcards=" ".join(pairs), function=record["function"],
            commit=record["git"]["commit"] or "unknown", dirty=bool(record["git"]["dirty"]), seed=record["seed"],
            cpu_s=record.get("cpu_s") or 0.0, began=when(record["started"]), ended=when(record["ended"]),
            inputs=[(_inside(name, record), value[:12]) for name, value in sorted(record["inputs"].items())],
            models=sorted(record["models"]), params=record["params"],
            config=[(key, _value(value)) for key, value in sorted(leaves(record["config"]).items())],
            record=f"../provenance/jobs/{record['rule']}/{quote('-'.join(pairs) or 'all')}.json",
            entry=entry if entry in self.entries else "",
        )  # fmt: skip


def _inside(path: str, record: Record) -> str:
    """A path in the results folder; of what lies elsewhere on the machine its name alone."""
    if Path(path).is_relative_to(record["results"]):
        return str(Path(path).relative_to(record["results"]))
    return Path(path).name if Path(path).is_absolute() else path


def _value(value: object) -> str:
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    return json.dumps(value, ensure_ascii=False)


def when(seconds: float) -> str:
    """A time in UTC, for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
