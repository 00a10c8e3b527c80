"""Sound, settings and a shard for tests in the environment `whisperx`."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from nonverbal.media import SAMPLE_RATE, read_audio, write_audio
from nonverbal.models import REGISTRY
from nonverbal.schema import write_table
from nonverbal.speech.hub_packages import prepare
from nonverbal.speech.settings import Speech

prepare("pyannote.audio", "speech.diarize.backend")  # before any test module imports it


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Ten seconds of two people on the telephone, from pyannote.audio's package."""
    import pyannote.audio

    sound = read_audio(Path(pyannote.audio.__file__).parent / "sample" / "sample.wav")
    return sound[5 * SAMPLE_RATE : 15 * SAMPLE_RATE]


@pytest.fixture(scope="session")
def speech_settings() -> Speech:
    """The section speech of config.yaml."""
    return Speech.model_validate(yaml.safe_load((REGISTRY.parents[1] / "config.yaml").read_text())["speech"])


@pytest.fixture
def shard(tmp_path, speech):
    """Tables and media of a shard of two clips, the second of which is silent."""
    clip = {
        "clip_id": "v_000", "video_id": "v", "channel_id": "c", "segment_id": 0, "start_s": 0.0, "end_s": 10.0,
        "frames": 250, "width": 640, "height": 360, "video": "v_000.mp4", "audio": "v_000.wav", "loudness_dbfs": -20.0,
        "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    video = {
        "video_id": "v", "channel_id": "c", "title": "", "path": "v.mp4", "duration_s": 20.0, "width": 640,
        "height": 360, "fps": 25.0, "captions": "", "caption_language": "", "language": "", "licence": "",
        "captions_origin": "", "availability": "", "checked": "",
        "sha256": "0", "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    silent = clip | {"clip_id": "v_001", "segment_id": 1, "audio": "v_001.wav"}
    write_table(tmp_path / "clips.parquet", "clips", [clip, silent])
    write_table(tmp_path / "download.parquet", "download", [video])
    seen = [{"clip_id": row["clip_id"], "pictures": 10, "at_once": 2, "persons": 2} for row in (clip, silent)]
    write_table(tmp_path / "people.parquet", "people", seen)
    write_audio(tmp_path / "v_000.wav", speech)
    write_audio(tmp_path / "v_001.wav", np.zeros(3 * SAMPLE_RATE, np.float32))
    return tmp_path


@pytest.fixture
def recording(shard, speech):
    """The table `sides` of one studio recording: the same speech on the left, a little of it on the right."""
    side = {
        "video_id": "v", "clip_id": "v_000", "dialogue_id": "d", "side": "left",
        "left": "left.wav", "right": "right.wav", "left_dbfs": -20.0, "right_dbfs": -40.0, "likeness": 0.0,
        "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    write_table(shard / "sides.parquet", "sides", [side])
    write_audio(shard / "left.wav", speech)
    write_audio(shard / "right.wav", 0.1 * speech)
    return shard
