"""Synthetic two-voice dialogues with known turns and words, and the project's own settings."""

from dataclasses import dataclass

import numpy as np
import pytest
import yaml

from nonverbal.demo.settings import Voice
from nonverbal.demo.voice import speak
from nonverbal.media import SAMPLE_RATE
from nonverbal.models import REGISTRY
from nonverbal.speech.captions import Cue
from nonverbal.speech.settings import Speech
from nonverbal.speech.turns import Turn

LINES = (
    "The next question comes from one of our listeners.",
    "Go ahead, I am ready for anything.",
    "Do you believe that machines will ever draw better maps?",
    "Exactly, that is when you find something new.",
    "So tell me, which seeds did you plant first?",
    "The frost here can return until the middle of May.",
)


@dataclass(frozen=True)
class Dialogue:
    """Sound at 16 kHz, who speaks when, and every word with its start and speaker."""

    samples: np.ndarray
    turns: list[Turn]
    words: list[tuple[str, float, int]]
    cues: list[Cue]


def make_dialogue(voices: list[str], length_s: float, lines: tuple[str, ...] = LINES) -> Dialogue:
    """Lines by turns, 0.3 s apart, each a cue; what does not fit is cut off."""
    samples, now = np.zeros(round(length_s * SAMPLE_RATE), np.float32), 0.2
    turns, words, cues = [], [], []
    for number, line in enumerate(lines):
        speaker = number % len(voices)
        speech = speak(line, Voice(name=voices[speaker]))
        start = round(now * SAMPLE_RATE)
        part = speech.samples[: max(0, len(samples) - start)]
        samples[start : start + len(part)] += 0.6 * part
        end = now + speech.words[-1].end_s
        if now < length_s:
            turns.append(Turn(speaker, now + speech.words[0].start_s, min(end, length_s)))
            cues.append(Cue(now, end, tuple(line.split())))
        words += [(word.text, now + word.start_s, speaker) for word in speech.words if now + word.start_s < length_s]
        now = end + 0.3
    return Dialogue(samples, turns, words, cues)


@pytest.fixture(scope="session")
def two_voices() -> Dialogue:
    """Ten seconds of a man and a woman; the last line is cut off."""
    return make_dialogue(["en-us+iven", "en-us+anika"], 10)


@pytest.fixture(scope="session")
def speech_settings() -> Speech:
    """The section speech of config.yaml."""
    return Speech.model_validate(yaml.safe_load((REGISTRY.parents[1] / "config.yaml").read_text())["speech"])


@pytest.fixture
def shard(tmp_path, two_voices):
    """Writes the tables and media of one shard: `shard(clips=..., download=...)` gives the folder."""
    from nonverbal.media import write_audio
    from nonverbal.schema import write_table

    clip = {
        "clip_id": "v_000", "video_id": "v", "channel_id": "c", "segment_id": 0, "start_s": 2.0, "end_s": 12.0,
        "frames": 250, "width": 640, "height": 360, "video": "v_000.mp4", "audio": "v_000.wav", "loudness_dbfs": -20.0,
        "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    video = {
        "video_id": "v", "channel_id": "c", "title": "", "path": "v.mp4", "duration_s": 20.0, "width": 640,
        "height": 360, "fps": 25.0, "captions": "", "caption_language": "", "language": "", "licence": "",
        "captions_origin": "", "availability": "", "checked": "",
        "sha256": "0", "kept": True, "reason": "", "detail": "",
    }  # fmt: skip

    def make(clips=({},), download=({},)):
        write_table(tmp_path / "clips.parquet", "clips", [clip | changes for changes in clips])
        write_table(tmp_path / "download.parquet", "download", [video | changes for changes in download])
        write_audio(tmp_path / "v_000.wav", two_voices.samples)
        return tmp_path

    return make
