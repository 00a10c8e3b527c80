"""VENUS records: everything known of a clip in one row, in the schema of the published dataset.

Nested fields are structs of lists, which `datasets.load_dataset("parquet", ...)` reads as dicts of lists. A record is
built from Arrow columns without a trip through Python, and is a row group of its own, so that files stream.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.dataset.backends import describe
from nonverbal.layouts import FPS
from nonverbal.progress import track
from nonverbal.schema import TABLES, as_table, read_arrow, read_table

SCHEMA = TABLES["records"]


def records(
    clips: Path, words: Path, utterances: Path, crops: Path, face: Path, body: Path, safety: Path, split: Path,
    train: Path, validation: Path, test: Path, backends: dict[str, str],
) -> None:  # fmt: skip
    """Write the shard's records, one file a split, ordered by clip; a split without a clip gets a file without rows.

    Args:
        clips, words, utterances, crops, face, body, safety: the shard's tables of those names (face and body smoothed).
        split: which clips of all shards are in the dataset, and in which split.
        train, validation, test: Parquet files to write.
        backends: what made each kind of field, by kind; goes into the files' metadata.
    """
    split_of = read_table(split, "split").set_index("clip_id")["split"]
    table = read_table(clips, "clips")
    table = table[table["clip_id"].isin(split_of.index)].sort_values("clip_id")
    sources = {
        "words": words, "utterances": utterances, "crops": crops, "face": face, "body": body, "safety": safety,
    }  # fmt: skip
    schema = SCHEMA.with_metadata({f"backend.{kind}": describe(name) for kind, name in sorted(backends.items())})
    outputs = {"train": train, "validation": validation, "test": test}
    partials = {name: path.with_name(f".{path.name}.partial") for name, path in outputs.items()}
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))
            for name, path in partials.items()
        }
        for clip in track(as_table("clips", table).to_pylist(), "records"):
            parts = {name: read_arrow(path, name, clip_id=clip["clip_id"]) for name, path in sources.items()}
            writers[split_of[clip["clip_id"]]].write_table(record(clip, parts))
    for name, path in outputs.items():
        partials[name].replace(path)


def record(clip: dict[str, Any], parts: dict[str, pa.Table]) -> pa.Table:
    """A records table of one row.

    Args:
        clip: a row of the clips table.
        parts: this clip's rows of words, utterances, crops, face, body and safety, by name.
    """
    safety = parts["safety"].to_pandas()
    values = {
        "channel_id": [clip["channel_id"]],
        "video_id": [clip["video_id"]],
        "segment_id": [clip["segment_id"]],
        "duration": [f"{clock(clip['start_s'])} ~ {clock(clip['end_s'])}"],
        "fps": [FPS],
        "conversation": conversation(parts["utterances"].to_pandas(), parts["words"].to_pandas()),
        "facial_expression": cues(parts["face"], "facial_expression"),
        "body_language": cues(parts["body"], "body_language"),
        "speaker_bbox": boxes(parts["crops"].to_pandas()),
        "harmful_utterance_id": [sorted(safety.loc[safety["harmful"], "utterance_id"].tolist())],
    }
    arrays = [
        one if isinstance(one, pa.Array) else pa.array(one, type=field.type)
        for one, field in zip(values.values(), SCHEMA, strict=True)
    ]
    return as_table("records", pa.Table.from_arrays(arrays, schema=SCHEMA))


def clock(seconds: float) -> str:
    """A moment in a video as HH:MM:SS, to the nearest second."""
    whole = round(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def conversation(utterances: pd.DataFrame, words: pd.DataFrame) -> pa.Array:
    """The clip's utterances in order of their number, each with its words."""
    utterances = utterances.sort_values("utterance_id")
    words = words[words["utterance_id"].isin(utterances["utterance_id"])].sort_values(["utterance_id", "word_index"])
    counts = words["utterance_id"].value_counts().reindex(utterances["utterance_id"], fill_value=0)
    ends = np.concatenate([[0], np.cumsum(counts)])
    kind = SCHEMA.field("conversation").type
    word_kind = kind.field("words").type.value_type
    columns = [words["word"], words["start_s"], words["end_s"]]
    nested = _struct(
        word_kind, [pa.array(column, type=pa_item(word_kind, i)) for i, column in enumerate(columns)], ends
    )
    names = ["utterance_id", "speaker", "text", "start_s", "end_s"]
    plain = [pa.array(utterances[name], type=pa_item(kind, i)) for i, name in enumerate(names)]
    return _struct(kind, [*plain, nested], np.array([0, len(utterances)]))


def cues(table: pa.Table, field: str) -> pa.Array:
    """The clip's face or body numbers: a row a frame that was measured, by utterance and frame."""
    seen = table.filter(table["valid"]).sort_by([("utterance_id", "ascending"), ("frame", "ascending")])
    columns = [seen[name].combine_chunks() for name in ("utterance_id", "frame", "features")]
    return _struct(SCHEMA.field(field).type, columns, np.array([0, seen.num_rows]))


def boxes(crops: pd.DataFrame) -> pa.Array:
    """Box of the person who speaks, a row a frame in which that person is seen: left, top, right, bottom in pixels."""
    crops = crops.sort_values(["frame", "utterance_id"])
    corners = crops[["person_x0", "person_y0", "person_x1", "person_y1"]].to_numpy(np.float32)
    columns = [pa.array(crops["frame"]), pa.FixedSizeListArray.from_arrays(pa.array(corners.ravel()), 4)]
    return _struct(SCHEMA.field("speaker_bbox").type, columns, np.array([0, len(crops)]))


def pa_item(kind: pa.StructType, position: int) -> pa.DataType:
    """Type of the items of a struct's list at a position."""
    return kind.field(position).type.value_type


def _struct(kind: pa.StructType, columns: list[pa.Array], ends: np.ndarray) -> pa.Array:
    """Structs of lists: row i holds items ends[i]:ends[i + 1] of every column."""
    offsets = pa.array(ends, type=pa.int32())
    arrays = [pa.ListArray.from_arrays(offsets, column) for column in columns]
    return pa.StructArray.from_arrays([one.cast(kind.field(i).type) for i, one in enumerate(arrays)], fields=list(kind))
