"""The records as they are published: their columns that may be, a row group a record, so that files stream."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.errors import UserError
from nonverbal.publication.columns import published
from nonverbal.schema import TABLES, intact

SCHEMA = TABLES["records"]
IDS = ["channel_id", "video_id"]
PLACE = re.compile(r"[/\\]|^~")  # a name of a place on a machine or a network, not of a channel


def export(records: list[Path], columns: Path, files: list[Path]) -> None:
    """Write the published files of a shard; where every column may be published, they are copies of the records.

    Args:
        records: of the shard, one file a split.
        columns: what may be published.
        files: to write, in the order of `records`.

    Raises:
        UserError: an id is a path or an address.
    """
    names = published(columns)
    for source, target in zip(records, files, strict=True):
        with intact(source):
            _check_ids(source)
            if names == SCHEMA.names:
                shutil.copyfile(source, target)  # a link would have the records' time, and be older than `columns`
            else:
                _write(source, target, names)


def _write(source: Path, target: Path, names: list[str]) -> None:
    """A file's columns of these names, a row group at a time."""
    partial = target.with_name(f".{target.name}.partial")
    schema = published_schema(pq.read_schema(source), names)
    with (
        closing(pq.ParquetFile(source, pre_buffer=False)) as file,
        pq.ParquetWriter(partial, schema, compression="zstd") as writer,
    ):
        for group in range(file.num_row_groups):
            writer.write_table(file.read_row_group(group, columns=names).cast(schema))
    partial.replace(target)


def published_schema(schema: pa.Schema, names: list[str]) -> pa.Schema:
    """The schema of these columns; of the file's metadata, what is said of a column that is left out is left out."""
    left_out = {f"backend.{name}".encode() for name in schema.names if name not in names}
    metadata = {key: value for key, value in (schema.metadata or {}).items() if key not in left_out}
    return pa.schema([schema.field(name) for name in names], metadata)


def _check_ids(path: Path) -> None:
    ids = pq.read_table(path, columns=IDS)
    for name in IDS:
        for value in ids[name].unique().to_pylist():
            if PLACE.search(value):
                raise UserError(
                    f"config key sources: {json.dumps(value)} is no {name} to publish: it looks like a path or an "
                    f"address; write a name without slashes in the column {name} of your list"
                )
