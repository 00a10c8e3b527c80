"""Shards: which shard a video belongs to, and how a job resumes inside one."""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.errors import NotNow, UserError
from nonverbal.progress import track
from nonverbal.schema import TABLES, as_table, intact, write_table

log = logging.getLogger("nonverbal")

Rows: TypeAlias = pd.DataFrame | list[dict] | pa.Table


def shard_of(video_id: str, shards: int) -> int:
    """The shard of a video: stable when other videos are added."""
    return int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:8], "big") % shards


def digest(value: object) -> str:
    """Short digest of a JSON-able value; names a work folder after the settings and inputs it was made with."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def map_units(
    units: Iterable[str],
    process: Callable[..., Mapping[str, Rows]],
    outputs: dict[str, Path],
    key: object,
    label: str,
    media: Path | None = None,
) -> None:
    """Run `process` on each unit and write the concatenated tables, keeping finished units across kills.

    Args:
        units: ids (clip or video), made of [A-Za-z0-9_-] only; their order is the order of the rows.
        process: makes the tables of one unit, by table name of `nonverbal.schema.TABLES`. Where `media` is given it
            takes a second argument, an empty folder to write the unit's files to.
        outputs: table name -> file to write.
        key: settings and versions of the inputs; a work folder of another key is not used.
        label: what the progress bar says.
        media: folder that all units' files are to lie in; it appears when every unit is done.

    Raises:
        UserError: some units could not be done now (`NotNow`); all others are finished and kept for the next run.
    """
    units = list(units)
    work = work_folder(next(iter(outputs.values())), key)
    tables = finish_units(units, process, list(outputs), work, label, with_files=media is not None)
    if media is not None:
        _gather([work / unit / "files" for unit in units], work / ".media", media)
    for name, path in outputs.items():
        write_table(path, name, tables[name])
    shutil.rmtree(work)


def finish_units(
    units: list[str],
    process: Callable[..., Mapping[str, Rows]],
    names: list[str],
    work: Path,
    label: str,
    with_files: bool = False,
) -> dict[str, pa.Table]:
    """Do the units that the work folder does not hold yet; the tables of all units, in their order."""
    later = {}
    for unit in track(units, label):
        if not (work / unit).is_dir():
            try:
                _finish(unit, process, names, work, with_files)
            except NotNow as error:
                log.warning("%s: %s", unit, error)
                later[unit] = str(error)
    if later:
        unit, why = next(iter(later.items()))
        raise UserError(
            f"{label}: {len(later)} of {len(units)} could not be done now (first {unit}: {why}); "
            "the others are finished and kept, so run the same command again"
        )
    parts = {name: [_part(work / unit / f"{name}.parquet") for unit in units] for name in names}
    return {name: pa.concat_tables(part) if part else TABLES[name].empty_table() for name, part in parts.items()}


def _part(path: Path) -> pa.Table:
    with intact(path):
        return pq.read_table(path)


def _finish(
    unit: str, process: Callable[..., Mapping[str, Rows]], names: list[str], work: Path, with_files: bool
) -> None:
    partial = work / f".{unit}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "files").mkdir(parents=True)
    tables = process(unit, partial / "files") if with_files else process(unit)
    for name in names:
        pq.write_table(as_table(name, tables[name]), partial / f"{name}.parquet")
    partial.rename(work / unit)  # a unit is finished or not there


def _gather(folders: list[Path], staging: Path, target: Path) -> None:
    """Link all folders' files into `target`, which appears at once; the folders stay, should the job be killed."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.is_dir():
                shutil.copytree(file, staging / file.name, copy_function=lambda a, b: link_or_copy(Path(a), Path(b)))
            else:
                link_or_copy(file, staging / file.name)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system can't link."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def work_folder(output: Path, key: object) -> Path:
    """The folder beside an output where a job keeps finished units; folders of other keys are removed."""
    current = output.parent / f".{output.stem}.work-{digest(key)}"
    for stale in output.parent.glob(f".{output.stem}.work-*"):
        if stale != current:
            shutil.rmtree(stale)
    current.mkdir(parents=True, exist_ok=True)
    return current
