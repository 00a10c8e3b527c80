import subprocess
import sys

import numpy as np
import pytest

from nonverbal.demo.settings import Voice
from nonverbal.demo.voice import VoiceError, speak

VOICE = Voice(name="en-us+iven")


def energy(samples, start, end):
    part = samples[round(start * 16_000) : round(end * 16_000)]
    return float(np.sqrt((part**2).mean()))


def test_every_word_has_its_own_time_and_is_heard_then():
    text = "Well, the height of the bridge is beautiful. I don't know!"
    speech = speak(text, VOICE)
    assert [mark.text for mark in speech.words] == text.split()
    edges = [time for mark in speech.words for time in (mark.start_s, mark.end_s)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(speech.samples) / 16_000 + 0.01
    assert all(energy(speech.samples, mark.start_s, mark.end_s) > 0.005 for mark in speech.words)


def test_a_pause_is_silent():
    speech = speak("Yes. No.", VOICE)
    first, second = speech.words
    assert second.start_s - first.end_s > 0.1
    assert energy(speech.samples, first.end_s + 0.03, second.start_s - 0.03) < 0.01


def test_two_processes_that_say_the_same_sound_the_same():
    program = (
        "import hashlib; from nonverbal.demo.voice import speak; from nonverbal.demo.settings import Voice\n"
        "sounds = [speak(text, Voice(name='en-us+anika')).samples for text in ('Good morning.', 'Hello, stranger!')]\n"
        "print([hashlib.sha256(sound.tobytes()).hexdigest() for sound in sounds])"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second != ""


def test_an_unknown_voice_is_refused():
    with pytest.raises(VoiceError, match="no voice 'xx-nowhere'"):
        speak("Hello.", Voice(name="xx-nowhere"))
