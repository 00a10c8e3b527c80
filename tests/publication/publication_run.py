"""A run of two shards as far as publication reads it: records, tables, jobs' records; what is published of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from nonverbal.publication.card import card
from nonverbal.publication.columns import columns
from nonverbal.publication.croissant import croissant
from nonverbal.publication.export import export
from nonverbal.publication.facts import facts
from nonverbal.publication.settings import Publication
from nonverbal.schema import TABLES, write_table

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "resources"
COLUMNS = "publication/columns/columns.json"
SPLITS = ("train", "validation", "test")
SHARDS = {"00000": {"train": ["aaaaaaaaaaa"], "test": ["ccccccccccc"]}, "00001": {"train": ["bbbbbbbbbbb"]}}
HOSTILE = "Standard | <script>alert(1)</script> `x` [y](javascript:z)"


def settings(**push: object) -> Publication:
    """Those of config.yaml, with other settings of `push`; `contact` and `licence` are of the dataset."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text())["publication"]
    own = {key: push.pop(key) for key in ("contact", "licence") if key in push}
    return Publication.model_validate(values | own | {"push": values["push"] | push})


def record(video: str, segment: int) -> dict:
    """A record with two utterances, of which the second has no word, and three frames."""
    frames = {"utt_id": [0, 0, 0], "frame": [5, 6, 7]}
    return {
        "channel_id": f"channel-{video[0]}", "video_id": video, "segment_id": segment, "fps": 25,
        "duration": "01:01:00 ~ 01:11:00",
        "conversation": {
            "utterance_id": [0, 1], "speaker": [0, 1], "text": [f"hello {video}", ""], "start_time": [0.2, 1.0],
            "end_time": [0.9, 1.2],
            "words": [
                {"word": ["hello", video], "start_time": [0.2, 0.5], "end_time": [0.5, 0.9]},
                {"word": [], "start_time": [], "end_time": []},
            ],
        },
        "facial_expression": frames | {"features": np.arange(3 * 156, dtype=np.float32).reshape(3, 156).tolist()},
        "body_language": frames | {"features": np.full((3, 179), np.nan, np.float32).tolist()},
        "speaker_bbox": {"frame": [5, 6, 7], "bbox": [[1.0, 2.0, 3.0, 4.0]] * 3},
        "harmful_utterance_id": [1],
    }  # fmt: skip


def write_records(results: Path) -> None:
    """Records of two clips a video; the validation split has none."""
    metadata = {"backend.facial_expression": "emoca", "backend.body_language": "mediapipe_ik"}
    schema = TABLES["records"].with_metadata(metadata)
    for shard, by_split in SHARDS.items():
        folder = results / "dataset" / "records" / shard
        folder.mkdir(parents=True)
        for split in SPLITS:
            with pq.ParquetWriter(folder / f"{split}.parquet", schema) as writer:
                for video in by_split.get(split, []):
                    for segment in range(2):
                        writer.write_table(pa.Table.from_pylist([record(video, segment)], schema=schema))


def write_job(results: Path, rule: str, *models: str) -> None:
    """The record of a rule's job that asked for some models."""
    path = results / "provenance" / "jobs" / rule / "shard=00000.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rule": rule, "ended": 1.0, "models": {name: {} for name in models}}))


def write_tables(results: Path) -> None:
    """What facts reads beside the records."""
    split_of = {video: split for by in SHARDS.values() for split, one in by.items() for video in one}
    clips = [(f"{video}_{i:03d}", video) for video in split_of for i in (0, 1)]
    utterances = [{"clip_id": clip, "utterance_id": 0} for clip, _ in clips]
    rows = {
        "split": [
            {"clip_id": clip, "video_id": video, "channel_id": f"channel-{video[0]}", "group": f"video:{video}",
             "split": split_of[video]}
            for clip, video in clips
        ],
        "words": [
            row | {"word_index": i, "speaker": 0, "word": "a", "start_s": 0.0, "end_s": 0.1, "interpolated": i == 3}
            for row in utterances for i in range(4)
        ],
        "languages": [
            {"clip_id": clip, "language": "en", "score": 1.0, "source": "captions", "words": 4,
             "words_source": "captions_aligned"}
            for clip, _ in clips
        ],
        "safety": [
            row | {"harmful": i == 0, "score": 0.0, "start_s": 0.0, "end_s": 0.1, "backend": "word_list"}
            for i, row in enumerate(utterances)
        ],
        "funnel": [
            {"stage": "collect", "filter": "channels", "unit": "video", "in": 4, "kept": 3, "reason": "duplicate",
             "dropped": 1},
        ],
        "download": [
            {name: {"string": "", "double": 0.0, "int64": 0, "bool": True}.get(str(kind))
             for name, kind in zip(TABLES["download"].names, TABLES["download"].types, strict=True)}
            | {"video_id": video, "path": f"{video}.mp4", "licence": HOSTILE if video[0] == "a" else ""}
            for video in split_of
        ],
    }  # fmt: skip
    for name, table in rows.items():
        write_table(results / f"{name}.parquet", name, table)
    (results / "statistics.json").write_text(json.dumps({"videos": 3, "dialogues": 6, "backends": {}}))
    pd.DataFrame({"part": ["face"], "group": ["jaw"], "used": ["yes"], "known": [0.75]}).to_csv(results / "quality.csv")


def publish(results: Path, publication: Publication) -> Path:
    """Run the stage; the folder that is pushed."""
    one = results / "publication"
    (one / "export" / "data").mkdir(parents=True)
    decided = results / COLUMNS
    decided.parent.mkdir()
    columns([], RESOURCES / "models.yaml", decided, {})
    files = []
    for shard in SHARDS:
        made = [one / "export" / "data" / f"{split}-{shard}.parquet" for split in SPLITS]
        records = [results / "dataset" / "records" / shard / f"{split}.parquet" for split in SPLITS]
        export(records, decided, made)
        files += made
    tables = {name: results / f"{name}.parquet" for name in ("funnel", "split")}
    lists = {name: [results / f"{name}.parquet"] for name in ("download", "words", "languages", "safety")}
    facts(
        columns=decided, statistics=results / "statistics.json", quality=results / "quality.csv",
        statements=RESOURCES / "publication" / "statements.yaml", facts=one / "facts.json",
        backends={"safety": "word_list"}, settings=publication, **tables, **lists,
    )  # fmt: skip
    card(one / "facts.json", files, RESOURCES / "publication" / "card.md", one / "export" / "README.md")
    croissant(one / "facts.json", files, one / "export" / "croissant.json")
    return one / "export"


def a_run(folder: Path) -> Path:
    """Results of a run whose faces a model made that forbids publishing them, and whose bodies one that allows it."""
    write_records(folder)
    write_tables(folder)
    write_job(folder, "face", "emoca")
    write_job(folder, "body", "mediapipe_pose")
    for rule in ("diarize", "transcribe", "tracks", "active_speaker", "safety"):
        write_job(folder, rule)
    return folder
