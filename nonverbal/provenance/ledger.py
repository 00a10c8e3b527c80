"""One table of all artifacts: what made each, from what, with which code, settings, packages, and where."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nonverbal.errors import UserError
from nonverbal.provenance.config_keys import leaves
from nonverbal.provenance.record import Record, read_records
from nonverbal.schema import write_table

PLAIN = (
    "rule", "function", "config_keys", "seed", "threads", "python", "host", "scheduler_job", "gpu", "gpus", "cpu_s",
    "startup_cpu_s", "peak_mb",
)  # fmt: skip


def ledger(targets: list[Path], table: Path) -> None:
    """Write one row an artifact, sorted by path, from all run records under the results folder of `table`.

    Args:
        targets: the run's final files; each must be claimed by a record.
        table: the ledger, `RESULTS/provenance/ledger.parquet`.

    Raises:
        UserError: a target was made by a job that wrote no record.
    """
    records = read_records(table.parents[1])
    rows = {row["path"]: row for record in records for row in _rows(record)}  # the latest record of a path counts
    if unknown := sorted({str(target) for target in targets} - set(rows)):
        raise UserError(
            f"no run record claims {unknown[0]} (and {len(unknown) - 1} more); make it anew with --forcerun"
        )
    write_table(table, "ledger", [rows[path] for path in sorted(rows)])


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    shared = {
        **{key: record.get(key) for key in PLAIN},  # records of earlier versions lack some
        "wildcards": _named(record["wildcards"], "value"),
        "script_sha256": next(iter(record["script"].values())),
        "modules": _named(record["modules"], "sha256"),
        "modules_sha256": _digest(record["modules"]),
        "inputs": _named(record["inputs"], "sha256"),
        "params_sha256": _digest(record["params"]),
        "config": _named({key: json.dumps(value) for key, value in leaves(record["config"]).items()}, "value"),
        "models": [{"name": name} | model for name, model in sorted(record["models"].items())],
        "packages": _named(record["packages"], "version"),
        "commit": record["git"]["commit"],
        "dirty": record["git"]["dirty"],
        **{name: record["machine"].get(name) for name in ("system", "processor", "cores")},
        "started": round(record["started"] * 1000),
        "ended": round(record["ended"] * 1000),
        "attempts": 1 + len(record["attempts"]),
    }
    for path, sha256 in record["outputs"].items():
        yield {"path": path, "sha256": sha256, **shared}


def _named(values: dict[str, str], kind: str) -> list[dict[str, str]]:
    return [{"name": name, kind: value} for name, value in sorted(values.items())]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
