"""A run with one clip of two persons, of whom the one on the right speaks; and what was found of them."""

import numpy as np
import pytest

from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES
from nonverbal.media import VideoWriter, write_audio
from nonverbal.schema import write_table
from nonverbal.views.figure import Anny, Figures

FRAMES, WIDTH, PICTURE = 30, 320, 180
SHARD = "00001"
FIRST = 2  # frame of the first utterance, which has 20
KNOWN = slice(5, 15)  # frames of which there are parameters


def boxes(kind: str, *corners: float) -> dict:
    return {f"{kind}_{name}": corner for name, corner in zip(("x0", "y0", "x1", "y1"), corners, strict=True)}


@pytest.fixture(scope="session")
def figures() -> Figures:
    """The open model alone; it takes seconds to load."""
    return Figures()


@pytest.fixture(scope="session")
def anny(figures) -> Anny:
    return figures.anny


@pytest.fixture
def results(tmp_path):
    """Only the clip."""
    clips = tmp_path / "results" / "collect" / "clips" / SHARD
    (clips / "media").mkdir(parents=True)
    with VideoWriter(clips / "media" / "v_000.mp4", WIDTH, PICTURE) as writer:
        for _ in range(FRAMES):
            writer.write(np.full((PICTURE, WIDTH, 3), 40, dtype=np.uint8))
    write_audio(clips / "media" / "v_000.wav", np.sin(np.arange(16000 * FRAMES // 25) / 8) / 2)
    clip = {
        "clip_id": "v_000", "video_id": "v", "channel_id": "", "segment_id": 0, "start_s": 0.0, "end_s": FRAMES / 25,
        "frames": FRAMES, "width": WIDTH, "height": PICTURE, "video": "v_000.mp4", "audio": "v_000.wav",
        "loudness_dbfs": -9.0, "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    write_table(clips / "clips.parquet", "clips", [clip])
    return tmp_path / "results"


@pytest.fixture
def complete(results):
    """Everything found that can be drawn: two utterances, of the second of which nothing is known."""
    places = {0: 80, 1: 240}
    person = {
        t: boxes("face", x - 15, 40, x + 15, 70) | boxes("person", x - 60, 20, x + 60, 170) for t, x in places.items()
    }
    tracks = [
        {
            "clip_id": "v_000", "shot": 0, "camera": 0, "facing": 0.0, "track_id": t, "frame": f, "score": 0.9,
            "mouth_open": 0.1, "descriptor": [0.1] * 32,
        } | person[t] for t in places for f in range(FRAMES)
    ]  # fmt: skip
    scores = [
        {
            "clip_id": "v_000", "track_id": t, "frame": f, "score": 2.0 * t - 1, "person": t, "face": 2.0 * t - 1,
            "speaker": 1 - t, "confidence": 0.9,
        } for t in places for f in range(FRAMES)
    ]  # fmt: skip
    crops = [
        {"clip_id": "v_000", "utterance_id": 0, "speaker": 0, "frame": f, "track_id": 1, "score": 0.9} | person[1]
        for f in range(FRAMES)
    ]
    words = [
        {
            "clip_id": "v_000", "utterance_id": 0, "word_index": i, "speaker": 0, "word": word, "start_s": i / 5,
            "end_s": i / 5 + 0.2, "interpolated": False,
        } for i, word in enumerate(["naïve", "你好", "the", "end"])
    ]  # fmt: skip
    utterances = [
        {
            "clip_id": "v_000", "utterance_id": i, "speaker": i, "text": "naïve 你好", "start_s": 0.08 + 0.8 * i,
            "end_s": 0.88 + 0.2 * i, "words": 4,
        } for i in range(2)
    ]  # fmt: skip
    run = {
        "clip_id": "v_000", "utterance_id": 0, "speaker": 0, "split": "test", "first_frame": 0, "frames": 16,
        "tokens": [5, 500],
    }  # fmt: skip
    write_table(results / "speakers" / "tracks" / SHARD / "tracks.parquet", "tracks", tracks)
    write_table(results / "speakers" / "active_speaker" / SHARD / "active_speaker.parquet", "active_speaker", scores)
    write_table(results / "speakers" / "crops" / SHARD / "crops.parquet", "crops", crops)
    write_table(results / "speech" / "utterances" / SHARD / "words.parquet", "words", words)
    write_table(results / "speech" / "utterances" / SHARD / "utterances.parquet", "utterances", utterances)
    write_table(results / "tokenizers" / "tokenize" / "face.parquet", "tokens", [run])
    for part, features in (("face", face_features()), ("body", body_features())):
        rows = [
            {
                "clip_id": "v_000", "utterance_id": 0, "speaker": 0, "frame": f, "valid": True, "reason": "",
                "confidence": 0.9, "features": features[f],
            } for f in range(FRAMES)[KNOWN]
        ]  # fmt: skip
        write_table(results / "cues" / "smooth" / SHARD / f"{part}.parquet", part, rows)
    return results


def face_features() -> np.ndarray:
    """Facial actions and head rotation that move, [FRAMES, 156]; shape and what follows the actions unknown."""
    features = np.full((FRAMES, FACE_FEATURES), np.nan, np.float32)
    time = np.arange(FRAMES)[:, None] / FRAMES
    features[:, :48] = 0.5 + 0.4 * np.sin(time * 9 + np.arange(48))
    features[:, 50:53] = 0.2 * np.sin(time * 7 + np.arange(3))
    features[:, 53:56] = 0.4 * np.sin(time * 12 + np.arange(3))  # jawSide goes both ways
    return features


def body_features() -> np.ndarray:
    """Rotations that move and pass half a turn, [FRAMES, 179]; no left hand; no right arm from frame 10 on."""
    features = np.full((FRAMES, BODY_FEATURES), np.nan, np.float32)
    time = np.arange(FRAMES)[:, None] / FRAMES
    features[:, :156] = 0.3 * np.sin(time * 5 + np.arange(156))
    features[:, 48:51] = [0.1, 0.2, -1.2]
    features[:, 51:54] = [0.1, 0.2, 1.2]
    features[:, 54] = np.linspace(2.8, 3.6, FRAMES)
    features[:, 60:63] = features[:, 66:111] = np.nan
    features[10:, 51:54] = np.nan
    return features
