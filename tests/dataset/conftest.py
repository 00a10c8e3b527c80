"""A small shard of every table the dataset stage reads: two clips of one video, one of another."""

from pathlib import Path

import numpy as np
import pytest

from nonverbal.schema import write_table

CLIPS = {"v1_000": "v1", "v1_001": "v1", "v2_000": "v2"}
LINES = [(0, "Hello there. How are you?", 0.2, 1.4), (1, "I will", 1.5, 2.0), (0, "kill you!", 2.1, 3.0)]


def keep(clip_id: str) -> dict:
    return {"clip_id": clip_id, "kept": True, "reason": "", "detail": "test"}


def clip_row(clip_id: str, video_id: str, channel_id: str = "c1") -> dict:
    number = int(clip_id[-3:])
    return {
        "clip_id": clip_id, "video_id": video_id, "channel_id": channel_id, "segment_id": number,
        "start_s": 3660.0 + 600 * number, "end_s": 4260.0 + 600 * number, "frames": 15000, "width": 640, "height": 360,
        "video": f"{clip_id}.mp4", "audio": f"{clip_id}.wav", "loudness_dbfs": -20.0, "kept": True, "reason": "",
        "detail": "test",
    }  # fmt: skip


def words_of(clip_id: str, utterance_id: int) -> list[dict]:
    speaker, text, start, end = LINES[utterance_id]
    tokens = text.split()
    first = sum(len(line[1].split()) for line in LINES[:utterance_id])
    times = np.linspace(start, end, len(tokens) + 1)
    return [
        {"clip_id": clip_id, "utterance_id": utterance_id, "word_index": first + i, "speaker": speaker, "word": word,
         "start_s": times[i], "end_s": times[i + 1], "interpolated": False}
        for i, word in enumerate(tokens)
    ]  # fmt: skip


def cue_rows(clip_id: str, features: int) -> list[dict]:
    """Frames 5..34 of utterance 0; every third frame was not measured; the last number is never known."""
    rows = []
    for frame in range(5, 35):
        valid = frame % 3 > 0
        values = np.full(features, frame if valid else np.nan, np.float32)
        values[-1] = np.nan
        rows.append({"clip_id": clip_id, "utterance_id": 0, "speaker": 0, "frame": frame, "valid": valid,
                     "reason": "" if valid else "not_found", "confidence": 0.9, "features": values})  # fmt: skip
    return rows


def crop_rows(clip_id: str) -> list[dict]:
    box = {
        f"{kind}_{corner}": float(i) for kind in ("face", "person") for i, corner in enumerate(("x0", "y0", "x1", "y1"))
    }
    return [
        {"clip_id": clip_id, "utterance_id": 0, "speaker": 0, "frame": frame, "track_id": 0, "score": 1.0, **box}
        for frame in range(5, 35)
    ]


@pytest.fixture
def shard(tmp_path: Path) -> dict[str, Path]:
    """Paths of the shard's tables, by name."""
    rows = {
        "clips": [clip_row(clip_id, video_id) for clip_id, video_id in CLIPS.items()],
        "keep_visible": [keep(clip_id) for clip_id in CLIPS],
        "utterances": [
            {"clip_id": clip_id, "utterance_id": i, "speaker": speaker, "text": text, "start_s": start, "end_s": end,
             "words": len(text.split())}
            for clip_id in CLIPS for i, (speaker, text, start, end) in enumerate(LINES)
        ],
        "words": [word for clip_id in CLIPS for i in range(len(LINES)) for word in words_of(clip_id, i)],
        "face": [row for clip_id in CLIPS for row in cue_rows(clip_id, 156)],
        "body": [row for clip_id in CLIPS for row in cue_rows(clip_id, 179)],
        "crops": [row for clip_id in CLIPS for row in crop_rows(clip_id)],
        "safety": [
            {"clip_id": clip_id, "utterance_id": i, "harmful": i == 2, "score": float(i == 2), "start_s": line[2],
             "end_s": line[3], "backend": "test"}
            for clip_id in CLIPS for i, line in enumerate(LINES)
        ],
        "split": [
            {"clip_id": clip_id, "video_id": video_id, "channel_id": "c1", "group": f"video:{video_id}",
             "split": {"v1": "train", "v2": "test"}[video_id]}
            for clip_id, video_id in CLIPS.items()
        ],
    }  # fmt: skip
    for name, table in rows.items():
        write_table(tmp_path / f"{name}.parquet", name, table)
    return {name: tmp_path / f"{name}.parquet" for name in rows}
