from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest

from nonverbal.dataset.records import clock, records

BACKENDS = {"safety": "word_list", "facial_expression": "open_face"}


@pytest.fixture
def written(shard: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "records"
    folder.mkdir()
    outputs = {name: folder / f"{name}.parquet" for name in ("train", "validation", "test")}
    inputs = {
        name: shard[name] for name in ("clips", "words", "utterances", "crops", "face", "body", "safety", "split")
    }
    records(**inputs, **outputs, backends=BACKENDS)
    return outputs


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_reads_the_published_schema(written: dict[str, Path], tmp_path: Path, streaming: bool) -> None:
    # A shard's file without rows is read beside one with rows; a split without any row has to be left out.
    files = {"train": [str(written["validation"]), str(written["train"])], "test": [str(written["test"])]}
    loaded = datasets.load_dataset("parquet", data_files=files, streaming=streaming, cache_dir=str(tmp_path / "cache"))
    rows = list(loaded["train"])
    assert [(row["video_id"], row["segment_id"]) for row in rows] == [("v1", 0), ("v1", 1)]
    assert [row["video_id"] for row in loaded["test"]] == ["v2"]
    row = rows[1]
    assert row["duration"] == "01:11:00 ~ 01:21:00"
    assert row["fps"] == 25
    assert row["harmful_utterance_id"] == [2]
    talk = row["conversation"]
    assert talk["utterance_id"] == [0, 1, 2]
    assert talk["speaker"] == [0, 1, 0]
    assert talk["text"][2] == "kill you!"
    assert talk["words"][1]["word"] == ["I", "will"]
    assert talk["words"][1]["start_time"][0] == talk["start_time"][1] == 1.5
    assert row["facial_expression"]["frame"] == [frame for frame in range(5, 35) if frame % 3]
    assert row["facial_expression"]["utt_id"] == [0] * 20
    assert len(row["body_language"]["features"][0]) == 179
    face = np.array(row["facial_expression"]["features"], float)
    assert face.shape == (20, 156)
    assert (face[:, 0] == row["facial_expression"]["frame"]).all()
    assert np.isnan(face[:, -1]).all()
    assert row["speaker_bbox"]["bbox"][0] == [0.0, 1.0, 2.0, 3.0]
    assert row["speaker_bbox"]["frame"] == list(range(5, 35))


def test_a_file_says_what_made_it_and_streams_by_clip(written: dict[str, Path]) -> None:
    file = pq.ParquetFile(written["train"])
    assert file.num_row_groups == file.metadata.num_rows == 2
    assert file.schema_arrow.metadata[b"backend.safety"] == b"word_list (not a safety model)"
    assert b"not FLAME" in file.schema_arrow.metadata[b"backend.facial_expression"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00"), (3660, "01:01:00"), (59.6, "00:01:00"), (360000, "100:00:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
