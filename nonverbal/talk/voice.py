"""The words of an answer as sounds: read at several rates, and each taken from the slowest in which it fits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nonverbal.demo.settings import Voice
from nonverbal.demo.voice import VoiceError, speak
from nonverbal.layouts import FPS
from nonverbal.media import SAMPLE_RATE
from nonverbal.talk.schedule import Pace

VOICE = Voice(name="en-us+iven", pitch=50, pitch_range=50, rate=168)
RATES = (1.0, 1.25, 1.5)  # of the voice's own
SILENT_S = 0.1  # of a word that nobody can say, a dash for one
FADE = 48  # samples, 3 ms: a word cut out of its sentence must not click
LOUD = 0.5  # highest sample


@dataclass(frozen=True)
class Reading:
    """Words as said at one rate: samples of each, and seconds from each to the next (of the last, its length)."""

    sounds: list[np.ndarray]
    steps: list[float]


def read_aloud(words: Sequence[str], voice: Voice = VOICE) -> list[Reading]:
    """The words at each of RATES, 16 kHz; a word that cannot be said is a short silence."""
    return [read(words, voice.model_copy(update={"rate": round(voice.rate * rate)})) for rate in RATES]


def read(words: Sequence[str], voice: Voice) -> Reading:
    """The words as one sentence, so that it has its melody; where that fails, one by one."""
    plain = ["".join(letter for letter in word if letter.isalnum() or letter in "'’.,;:!?-") for word in words]
    spoken = [i for i, word in enumerate(plain) if any(letter.isalnum() for letter in word)]
    silence = np.zeros(round(SILENT_S * SAMPLE_RATE), np.float32)
    sounds, steps = [silence] * len(words), [SILENT_S] * len(words)
    try:
        found = sentence([plain[i] for i in spoken], voice)
    except VoiceError:
        found = [alone(plain[i], voice, silence) for i in spoken]
    for i, (sound, step) in zip(spoken, found, strict=True):
        sounds[i], steps[i] = sound, step
    return Reading(sounds, steps)


def sentence(words: list[str], voice: Voice) -> list[tuple[np.ndarray, float]]:
    """Sound and step of each word of a sentence.

    Raises:
        VoiceError: the voice did not say each word.
    """
    if not words:
        return []
    speech = speak(" ".join(words), voice)
    starts = [mark.start_s for mark in speech.words]
    spans = [(round(mark.start_s * SAMPLE_RATE), round(mark.end_s * SAMPLE_RATE)) for mark in speech.words]
    ends = [*starts[1:], speech.words[-1].end_s]
    loudest = max(float(np.abs(speech.samples).max()), 1e-6)
    samples = LOUD * speech.samples / loudest
    return [
        (faded(samples[first:stop]), end - start) for (first, stop), start, end in zip(spans, starts, ends, strict=True)
    ]


def alone(word: str, voice: Voice, silence: np.ndarray) -> tuple[np.ndarray, float]:
    """Sound and step of a word by itself; silence where the voice cannot say it."""
    try:
        return sentence([word], voice)[0]
    except VoiceError:
        return silence, SILENT_S


def faded(sound: np.ndarray) -> np.ndarray:
    """The sound with soft ends."""
    ramp = np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / FADE
    return (sound * np.minimum(ramp, 1)).astype(np.float32)


def paces(readings: Sequence[Reading]) -> list[Pace]:
    """How long each word takes, in the first reading and in the last."""
    least = [len(sound) / SAMPLE_RATE for sound in readings[-1].sounds]
    return [Pace(max(step, short), short) for step, short in zip(readings[0].steps, least, strict=True)]


def mix(readings: Sequence[Reading], starts: Sequence[float], frames: int) -> tuple[np.ndarray, list[float]]:
    """The sound of a video of so many frames, and when each word ends, seconds."""
    samples = np.zeros(frames * SAMPLE_RATE // FPS, np.float32)
    nexts = [*starts[1:], frames / FPS]
    ends = []
    for i, (start, limit) in enumerate(zip(starts, nexts, strict=True)):
        room = round((limit - start) * SAMPLE_RATE)
        sounds = [reading.sounds[i] for reading in readings]
        sound = next((one for one in sounds if len(one) <= room), sounds[-1])
        first = round(start * SAMPLE_RATE)
        samples[first : first + len(sound)] += sound[: len(samples) - first]
        ends.append(start + len(sound) / SAMPLE_RATE)
    return samples, ends
