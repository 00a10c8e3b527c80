"""What is published streams as the records do, holds what licences allow, and nothing of the machine."""

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from publication_run import COLUMNS, RESOURCES, SPLITS, record, write_job

from nonverbal.errors import UserError
from nonverbal.publication.columns import columns
from nonverbal.publication.export import export
from nonverbal.schema import TABLES
from nonverbal.tokenizers.published import row_groups


def export_shard(results, shard="00000"):
    folder = results / "data"
    folder.mkdir()
    decided = results / COLUMNS
    decided.parent.mkdir(parents=True)
    columns([], RESOURCES / "models.yaml", decided, {})
    files = [folder / f"{split}-{shard}.parquet" for split in SPLITS]
    records = [results / "dataset" / "records" / shard / f"{split}.parquet" for split in SPLITS]
    export(records, decided, files)
    return records, files


def test_datasets_streams_the_folder_by_split(published):
    data = datasets.load_dataset(str(published), streaming=True)
    found = {name: [(row["video_id"], row["segment_id"]) for row in rows] for name, rows in data.items()}
    assert found == {
        "train": [("aaaaaaaaaaa", 0), ("aaaaaaaaaaa", 1), ("bbbbbbbbbbb", 0), ("bbbbbbbbbbb", 1)],
        "test": [("ccccccccccc", 0), ("ccccccccccc", 1)],
    }
    row = next(iter(data["train"]))
    assert row["conversation"] == record("aaaaaaaaaaa", 0)["conversation"]
    assert np.isnan(row["body_language"]["features"]).all() and row["body_language"]["frame"] == [5, 6, 7]


def test_a_column_that_may_not_be_published_is_in_no_file(published):
    files = sorted((published / "data").glob("*.parquet"))
    assert len(files) == 6
    kept = [name for name in TABLES["records"].names if name != "facial_expression"]
    assert all(pq.read_schema(file).names == kept for file in files)
    assert all(b"backend.facial_expression" not in (pq.read_schema(file).metadata or {}) for file in files)
    assert pq.read_schema(files[0]).metadata[b"backend.body_language"] == b"mediapipe_ik"
    assert not any(b"facial_expression" in file.read_bytes() for file in files)


def test_each_record_stays_a_row_group(published):
    file = pq.ParquetFile(published / "data" / "train-00001.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [1, 1]


def test_where_all_may_be_published_files_are_the_records(results):
    write_job(results, "face")
    records, files = export_shard(results)
    assert [file.read_bytes() for file in files] == [source.read_bytes() for source in records]
    assert min(file.stat().st_mtime_ns for file in files) >= (results / COLUMNS).stat().st_mtime_ns


@pytest.mark.parametrize("name", ["/home/me/videos", "C:\\videos", "https://example.org/c", "~me"])
def test_an_id_that_is_a_place_is_refused(results, name):
    table = pa.Table.from_pylist([record("aaaaaaaaaaa", 0) | {"channel_id": name}], schema=TABLES["records"])
    pq.write_table(table, results / "dataset" / "records" / "00000" / "train.parquet")
    with pytest.raises(UserError, match="channel_id"):
        export_shard(results)


def test_tokenizers_read_what_is_published_and_say_what_it_lacks(results):
    with pytest.raises(UserError, match=r"lacks columns .*facial_expression"):
        row_groups(export_shard(results)[1][0].parent, "emoca")
    write_job(results, "face", "mediapipe_face_mesh_refined")
    columns([], RESOURCES / "models.yaml", results / COLUMNS, {})
    records = [results / "dataset" / "records" / "00000" / f"{split}.parquet" for split in SPLITS]
    files = [results / "data" / f"{split}-00000.parquet" for split in SPLITS]
    export(records, results / COLUMNS, files)
    assert [(group.split, group.number) for group in row_groups(files[0].parent, "emoca")] == [
        ("test", 0), ("test", 1), ("train", 0), ("train", 1),
    ]  # fmt: skip
