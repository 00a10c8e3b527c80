"""Published records as the tables that stages speech, cues and dataset make, a clip after another."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.progress import track
from nonverbal.schema import TABLES, as_table, write_table
from nonverbal.tokenizers.frames import LAYOUT_OF
from nonverbal.tokenizers.published import (
    FIELDS,
    IDS,
    Malformed,
    cue_rows,
    harmful_s,
    identities,
    row_groups,
    rows,
    speakers,
)
from nonverbal.tokenizers.published_speech import spoken


def read_records(
    folder: Path,
    face: Path,
    body: Path,
    words: Path,
    utterances: Path,
    safety: Path,
    keep_utterances: Path,
    records: Path,
    shard: str,
    shards: int,
    backends: dict[str, str],
) -> None:
    """Write the shard's part of the records, a record in memory at a time: row group i belongs to shard i mod shards.

    Args:
        folder: of the published files.
        face, body, words, utterances, safety: tables of those names to write.
        keep_utterances: decision on each utterance of the records that are kept, to write.
        records: table published_records to write: a decision on each record of the shard.
        shard: which part, "00000" the first.
        shards: how many there are.
        backends: of the cues stage, by part; says which layout the features have.

    Raises:
        UserError: as `published.row_groups`.
    """
    groups = row_groups(folder, backends["face"])
    known = identities(groups)
    clip = ["video_id", "segment_id"]
    twice = known[clip].notna().all(axis=1) & known.duplicated(clip)
    repeated = set(zip(known.loc[twice, "path"], known.loc[twice, "row"], strict=True))
    outputs = {
        "face": face, "body": body, "words": words, "utterances": utterances, "safety": safety,
        "keep_utterances": keep_utterances,
    }  # fmt: skip
    partials = {name: path.with_name(f".{path.name}.partial") for name, path in outputs.items()}
    decisions = []
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(pq.ParquetWriter(path, TABLES[name], compression="zstd"))
            for name, path in partials.items()
        }
        for group in track(groups[int(shard) :: shards], "row groups"):
            for row, record in rows(group):
                place = f"row {row} of {group.path.name}"
                decision, tables = _read(record, place, (str(group.path), row) in repeated, backends)
                decisions.append(decision | {"split": group.split})
                for name, table in tables.items():
                    writers[name].write_table(table)
    for name, path in outputs.items():
        partials[name].replace(path)
    write_table(records, "published_records", decisions)


def _read(
    record: pa.RecordBatch, place: str, repeated: bool, backends: dict[str, str]
) -> tuple[dict, dict[str, pa.Table]]:
    """Decision on a record, and its tables by name where it is kept."""
    channel, video, segment = (record.column(name)[0].as_py() for name in IDS)
    decision: dict[str, Any] = {
        "clip_id": place, "video_id": str(video or ""), "channel_id": str(channel or ""), "face": 0, "body": 0,
        "harmful_s": 0.0, "kept": False,
    }  # fmt: skip
    if not channel or not video or segment is None:
        return decision | {"reason": "malformed", "detail": f"{place} has no channel_id, video_id or segment_id"}, {}
    decision["clip_id"] = f"{video}_{str(segment).rjust(3, '0')}"
    if repeated:
        return decision | {"reason": "duplicate", "detail": f"{place} is of a clip that a file before it has"}, {}
    try:
        told, seconds = speakers(record), harmful_s(record)
        found = {part: cue_rows(record, part, LAYOUT_OF[backends[part]]) for part in FIELDS}
        seen = pd.concat([table[table["valid"]] for table, _ in found.values()])
        said = spoken(record, decision["clip_id"], seen)
    except Malformed as error:
        return decision | {"reason": "malformed", "detail": f"{place}: {error}"}, {}
    counts = {part: int(table["valid"].sum()) for part, (table, _) in found.items()}
    if not any(counts.values()):
        return decision | {"reason": "no_motion", "detail": f"{place} has no frame with a known number"}, {}
    unknown = {part: len(table) - counts[part] for part, (table, _) in found.items()}
    detail = f"{place}; frames without a known number: face {unknown['face']}, body {unknown['body']}"
    tables = {name: as_table(name, rows) for name, rows in said.items()}
    tables |= {part: _cues(decision["clip_id"], part, *found[part], told) for part in FIELDS}
    return decision | counts | {"harmful_s": seconds, "kept": True, "reason": "", "detail": detail}, tables


def _cues(clip_id: str, part: str, table: pd.DataFrame, values: np.ndarray, told: dict[int, int]) -> pa.Table:
    schema = TABLES[part]
    valid = table["valid"].to_numpy()
    columns = {
        "clip_id": np.full(len(table), clip_id, dtype=object),
        "utterance_id": table["utterance_id"],
        "speaker": table["utterance_id"].map(told).fillna(-1).astype(int),
        "frame": table["frame"],
        "valid": valid,
        "reason": np.where(valid, "", "not_found").astype(object),
        "confidence": valid.astype(np.float32),  # the release has none
        "features": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1]),
    }
    return pa.Table.from_arrays([pa.array(columns[field.name], type=field.type) if field.name != "features"
                                 else columns["features"] for field in schema], schema=schema)  # fmt: skip
