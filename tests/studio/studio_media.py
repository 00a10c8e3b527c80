"""A stereo recording of two synthetic voices that leak into each other's channel."""

import wave
from pathlib import Path

import numpy as np

from nonverbal.demo.settings import Voice
from nonverbal.demo.voice import speak
from nonverbal.media import SAMPLE_RATE, run_ffmpeg

NAME = "20240512_0123456789abcdef0123456789abcdef"
LEAK = 10 ** (-18 / 20)
LINES = (
    (0, "You left the office without a word yesterday."),
    (1, "I am sorry, the train was late and my phone had no power."),
    (0, "That is the third time this month, and I believed you."),
    (1, "Then let me cook dinner tonight and tell you the whole story."),
)
VOICES = (Voice(name="en-us+iven", rate=168), Voice(name="en-us+anika", rate=160))


def dialogue(lines=LINES, voices=VOICES, leak=LEAK) -> tuple[np.ndarray, list[tuple[int, float, float]]]:
    """Stereo samples [N, 2] at 16 kHz, and (speaker, start, end) of each line."""
    parts, turns, now = [], [], 0.3
    for speaker, text in lines:
        speech = speak(text, voices[speaker])
        parts.append((round(now * SAMPLE_RATE), speaker, 0.5 * speech.samples / np.abs(speech.samples).max()))
        turns.append((speaker, now + speech.words[0].start_s, now + speech.words[-1].end_s))
        now += len(speech.samples) / SAMPLE_RATE + 0.15
    samples = np.zeros((round((now + 0.3) * SAMPLE_RATE), 2), np.float32)
    for start, speaker, sound in parts:
        samples[start : start + len(sound), speaker] += sound
    return samples + leak * samples[:, ::-1], turns


def write_stereo(path: Path, samples: np.ndarray) -> Path:
    """Float samples [N, channels] as 16 kHz 16-bit WAV."""
    with wave.open(str(path), "wb") as handle:
        handle.setnchannels(samples.shape[1])
        handle.setsampwidth(2)
        handle.setframerate(SAMPLE_RATE)
        handle.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def make_recording(path: Path, samples: np.ndarray, *options: str, fps: int = 25) -> Path:
    """A tiny video with this sound."""
    sound = write_stereo(path.with_suffix(".sound.wav"), samples)
    seconds = len(samples) / SAMPLE_RATE
    run_ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=rate={fps}:size=96x64:duration={seconds}", "-i", str(sound),
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", *options, str(path),
    )  # fmt: skip
    sound.unlink()
    return path
