"""Silence, music, one long overlap, a second of sound: each is a result or a recorded reason, none an error."""

import numpy as np
import pytest

from nonverbal.media import SAMPLE_RATE
from nonverbal.speech.diarize import load_diarizer
from nonverbal.speech.keep_two_speakers import decide
from nonverbal.speech.turns import summarise


@pytest.fixture(scope="module")
def diarizer(speech_settings):
    return load_diarizer(speech_settings.diarize)


@pytest.fixture
def reason(diarizer, speech_settings):
    """Why a sound, of a clip that shows two people, is dropped."""

    def measure(samples):
        loudness = 10 * np.log10(np.square(samples, dtype=float).mean() + 1e-12)
        measured = {"loudness_dbfs": loudness, **summarise(diarizer(samples.astype(np.float32), 2))}
        return decide(measured, speech_settings.keep_two_speakers)["reason"]

    return measure


def music(seconds):
    """Chords that change each half second, with overtones and a beat."""
    generator, time = np.random.default_rng(0), np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    bars = []
    for _ in range(2 * seconds):
        notes = 110 * 2 ** (generator.choice([0, 4, 7, 12, 16, 19], 3) / 12)
        chord = sum(np.sin(2 * np.pi * note * k * time) / k for note in notes for k in (1, 2, 3, 4))
        bars.append(chord * np.exp(-2 * time) + generator.normal(size=len(time)) * np.exp(-40 * time))
    return 0.05 * np.concatenate(bars)


def test_silence_is_silent(reason):
    assert reason(np.zeros(10 * SAMPLE_RATE)) == "silent"


def test_music_is_no_speech(reason):
    assert reason(music(10)) == "no_speech"


def test_music_does_not_speak_beside_two_who_do(reason, two_voices):
    assert reason(two_voices.samples + 0.3 * music(10)) == ""


def test_a_second_of_speech_is_too_little(reason, two_voices):
    assert reason(two_voices.samples[SAMPLE_RATE : 2 * SAMPLE_RATE]) == "no_speech"


def test_one_long_overlap_is_dropped(reason, two_voices):
    """Everybody always speaks at once: whatever the networks make of it, it is no conversation of two."""
    first, second = two_voices.samples[:75_000], two_voices.samples[75_000:150_000]
    assert reason(first + second + second[::-1]) in {"speech_overlaps", "one_speaker", "more_than_two_speakers"}


def test_clipped_and_noisy_speech_is_measured(diarizer, two_voices):
    noise = np.random.default_rng(0).normal(0, 0.02, len(two_voices.samples))
    harsh = np.clip(5 * (two_voices.samples + noise), -0.9, 0.9).astype(np.float32)
    assert summarise(diarizer(harsh, 2))["speakers"] == 2
