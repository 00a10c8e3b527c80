"""Files of published records, and a row of them as frames of a face and a body: the VENUS schema, as released or ours.

A nested field is a struct of lists or a list of structs, as `datasets` wrote it. A release writes a frame as text too
("000123_0"), of which the number before the line counts.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nonverbal.errors import UserError
from nonverbal.layouts import Layout
from nonverbal.tokenizers.frames import LAYOUT_OF

FIELDS = {"face": "facial_expression", "body": "body_language"}
NESTED = {
    "conversation": {"utterance_id", "speaker", "start_time", "end_time", "words"},
    "facial_expression": {"utt_id", "frame", "features"},
    "body_language": {"utt_id", "frame", "features"},
}
BUFFER = 2**20  # bytes read at once, or a whole row group lies in memory, packed
IDS = ["channel_id", "video_id", "segment_id"]
COLUMNS = [*IDS, *NESTED, "harmful_utterance_id"]
SPLIT = re.compile(r"(train|validation|test)(?![a-z])")


class Malformed(ValueError):
    """A row does not hold what the schema says; the message says what."""


class Group(NamedTuple):
    """A row group of a file, the piece that is read at once."""

    path: Path
    number: int
    first_row: int
    """Of the file."""
    split: str
    """As published."""


def row_groups(folder: Path, face: str) -> list[Group]:
    """The row groups of all files, in order of the files' paths.

    Args:
        folder: holds .parquet files named after their split (train-00000-of-00005.parquet), in folders or not.
        face: backend of the faces, as the config says.

    Raises:
        UserError: there is no such file, or one that cannot be read, lacks a column or has another backend's faces.
    """
    inside = ((path, path.relative_to(folder).parts) for path in sorted(folder.rglob("*.parquet")))
    files = [path for path, parts in inside if not any(part.startswith(".") for part in parts)]
    named = [(path, found.group(1)) for path in files if (found := SPLIT.match(path.name))]
    if not named:
        raise UserError(
            f"config key sources: {folder} has no .parquet file that is named after its split (train-... or test-...)"
        )
    groups = []
    for path, split in named:
        file = _opened(path, face)
        row = 0
        for number in range(file.num_row_groups):
            groups.append(Group(path, number, row, split))
            row += file.metadata.row_group(number).num_rows
    return groups


def _opened(path: Path, face: str) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"config key sources: {path} cannot be read as Parquet ({error}); fetch it again") from error
    schema = file.schema_arrow
    if missing := [name for name in COLUMNS if name not in schema.names]:
        raise UserError(f"config key sources: {path} lacks columns {missing} of the published records")
    for name, wanted in NESTED.items():
        kind = schema.field(name).type
        kind = kind if pa.types.is_struct(kind) else getattr(kind, "value_type", kind)
        there = {kind.field(i).name for i in range(kind.num_fields)} if pa.types.is_struct(kind) else set()
        if lacks := sorted(wanted - there):
            raise UserError(f"config key sources: column {name} of {path} lacks {lacks} of the published records")
    said = (schema.metadata or {}).get(b"backend.facial_expression", b"").decode().split(" ")[0]
    if said in LAYOUT_OF and LAYOUT_OF[said] is not LAYOUT_OF[face]:
        raise UserError(f"config key sources.face: the faces of {path} are not those of {face}; write {said}")
    return file


def identities(groups: list[Group]) -> pd.DataFrame:
    """channel_id, video_id, segment_id (null where absent), path and row of every record, without the rest of it."""
    tables = []
    for path in dict.fromkeys(group.path for group in groups):
        table = pq.read_table(path, columns=IDS).to_pandas()
        tables.append(table.assign(path=str(path), row=np.arange(len(table))))
    return pd.concat(tables, ignore_index=True)


def rows(group: Group) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Each record of a row group, as a batch of one row, with its row in the file; one is in memory at a time."""
    file = pq.ParquetFile(group.path, pre_buffer=False, buffer_size=BUFFER)
    batches = file.iter_batches(1, row_groups=[group.number], columns=COLUMNS, use_threads=False)
    yield from enumerate(batches, start=group.first_row)


def nested(record: pa.RecordBatch, name: str) -> dict[str, pa.Array]:
    """A nested field of one record: its lists by name; all empty where the record has none.

    Raises:
        Malformed: the lists are not of one length.
    """
    field = record.column(name)
    if pa.types.is_struct(field.type):
        lists = {key: pc.struct_field(field, key).flatten() for key in sorted(NESTED[name])}
    else:
        items = field.flatten()
        lists = {key: pc.struct_field(items, key) for key in sorted(NESTED[name])}
    if len({len(one) for one in lists.values()}) > 1:
        raise Malformed(f"{name} has lists of lengths { {key: len(one) for key, one in lists.items()} }")
    return lists


def cue_rows(record: pa.RecordBatch, part: str, layout: Layout) -> tuple[pd.DataFrame, np.ndarray]:
    """A record's frames of a part by utterance and frame, each once.

    Returns:
        utterance_id, frame, valid (whether any trained number is known); float32 [frames, features], NaN where unknown.

    Raises:
        Malformed: a frame has no number, or a vector is not of the layout's length.
    """
    name = FIELDS[part]
    lists = nested(record, name)
    features = lists["features"]
    lengths = pc.list_value_length(features)
    wrong = len(features) - (pc.sum(pc.equal(lengths, layout.features)).as_py() or 0)
    if wrong:
        raise Malformed(f"{name}.features: {wrong} of {len(features)} vectors do not have {layout.features} numbers")
    values = features.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, layout.features)
    values[~np.isfinite(values)] = np.nan
    table = pd.DataFrame({
        "utterance_id": whole(lists["utt_id"], f"{name}.utt_id"), "frame": whole(lists["frame"], f"{name}.frame"),
        "valid": np.isfinite(values[:, layout.index]).any(axis=1),
    })  # fmt: skip
    if (table["frame"] < 0).any():
        raise Malformed(f"{name}.frame has a negative number")
    table = table.sort_values(["utterance_id", "frame"], kind="stable").drop_duplicates(["utterance_id", "frame"])
    return table.reset_index(drop=True), values[table.index]


def harmful_s(record: pa.RecordBatch) -> float:
    """Seconds of a record's utterances that are flagged harmful.

    Raises:
        Malformed: a number or time is none.
    """
    told = nested(record, "conversation")
    times = [pd.to_numeric(told[key].to_pandas(), errors="coerce") for key in ("start_time", "end_time")]
    flagged = whole(record.column("harmful_utterance_id").flatten(), "harmful_utterance_id")
    where = np.isin(whole(told["utterance_id"], "conversation.utterance_id"), flagged)
    seconds = (times[1] - times[0]).to_numpy(dtype=float)[where]
    if not np.isfinite(seconds).all():
        raise Malformed("a harmful utterance has no times")
    return float(seconds.sum())


def speakers(record: pa.RecordBatch) -> dict[int, int]:
    """Speaker of each utterance; -1 where it is no number."""
    told = nested(record, "conversation")
    numbers = pd.to_numeric(told["speaker"].to_pandas(), errors="coerce").fillna(-1).astype(int)
    return dict(zip(whole(told["utterance_id"], "conversation.utterance_id"), numbers, strict=True))


def whole(values: pa.Array, name: str) -> np.ndarray:
    """Whole numbers, int64, also where they are texts.

    Raises:
        Malformed: one is none.
    """
    series = values.to_pandas()
    if len(series) and not pd.api.types.is_numeric_dtype(series):
        series = series.astype(str).str.split("_").str[0]
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float)
    if not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        raise Malformed(f"{name} has something that is no whole number")
    return numbers.astype(np.int64)
