"""Synthetic speech with known times: espeak-ng from its wheel, called through its C interface."""

import ctypes
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd

import espeakng_loader
import numpy as np
import scipy.signal

from nonverbal.demo.settings import Voice
from nonverbal.media import SAMPLE_RATE

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8 = 2, 0x0001, 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_SEED = 1  # of the noise in voices
EPSILON_S = 0.005  # espeak-ng rounds the times of words and phonemes differently
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


@dataclass(frozen=True)
class Mark:
    """A word or phoneme and when it sounds, seconds from the start of the speech."""

    text: str
    start_s: float
    end_s: float


@dataclass
class Speech:
    """A spoken text: 16 kHz samples in -1..1 and the marks of its words and phonemes."""

    samples: np.ndarray
    words: list[Mark] = field(default_factory=list)
    phonemes: list[Mark] = field(default_factory=list)


class VoiceError(RuntimeError):
    """espeak-ng could not start, does not know a voice, or failed to speak."""


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, int]:
    """The loaded library and its sample rate."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS)
    if rate <= 0:
        raise VoiceError("espeak-ng did not start")
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    return library, rate


def speak(text: str, voice: Voice) -> Speech:
    """Speak a text made of plain words and punctuation.

    Words are those that spaces divide; each sounds from its first phoneme to the end of its last. espeak-ng keeps a
    state: the same texts, spoken in the same order since the process began, give the same samples.

    Raises:
        VoiceError: the voice is unknown, or the words espeak-ng reports are not those of the text.
    """
    library, rate = _library()
    samples: list[np.ndarray] = []
    events: list[tuple[int, int, int, str]] = []

    def collect(wave: "ctypes._Pointer[ctypes.c_short]", count: int, event: "ctypes._Pointer[_Event]") -> int:
        if wave and count > 0:
            samples.append(np.ctypeslib.as_array(wave, (count,)).copy())
        i = 0
        while event[i].type != _EVENT_END:
            phoneme = event[i].id.string.decode(errors="replace") if event[i].type == _EVENT_PHONEME else ""
            events.append((event[i].type, event[i].sample, event[i].text_position, phoneme))
            i += 1
        return 0

    callback = _Callback(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
        raise VoiceError(f"espeak-ng has no voice {voice.name!r}")
    for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range), (_VOLUME, 90)):
        library.espeak_SetParameter(parameter, value, 0)
    data = text.encode()
    if library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None) != 0:
        raise VoiceError(f"espeak-ng could not speak {text!r}")
    wave = np.concatenate(samples)
    return _speech(text, wave, rate, events)


def _speech(text: str, wave: np.ndarray, rate: int, events: list[tuple[int, int, int, str]]) -> Speech:
    sounds = [(sample / rate, name) for kind, sample, _, name in events if kind == _EVENT_PHONEME]
    ends = [start for start, _ in sounds[1:]] + [len(wave) / rate]
    phonemes = [Mark(name, start, end) for (start, name), end in zip(sounds, ends, strict=True)]
    groups = _word_groups(text, [(sample / rate, at) for kind, sample, at, _ in events if kind == _EVENT_WORD])
    words = []
    for (start, together), limit in zip(groups, [start for start, _ in groups[1:]] + [len(wave) / rate], strict=True):
        spoken = [mark for mark in phonemes if start - EPSILON_S <= mark.start_s < limit - EPSILON_S]
        spoken = [mark for mark in spoken if mark.text.strip("_:;, ")]
        words += _split(together, spoken)
    step = gcd(SAMPLE_RATE, rate)
    resampled = scipy.signal.resample_poly(wave / 32768, SAMPLE_RATE // step, rate // step).astype(np.float32)
    return Speech(resampled, words, phonemes)


def _word_groups(text: str, marks: list[tuple[float, int]]) -> list[tuple[float, list[str]]]:
    """Space-divided words by espeak-ng's word marks: a start and the words it covers.

    espeak-ng counts text positions from 1, may mark parts of a word, and speaks some pairs ("of the") as one word.
    """
    groups: list[tuple[float, list[str]]] = []
    position = 0
    for word in text.split():
        begin = text.index(word, position)
        position = begin + len(word)
        inside = [start for start, at in marks if begin < at <= position]
        if inside:
            groups.append((inside[0], [word]))
        elif groups:
            groups[-1][1].append(word)
        else:
            raise VoiceError(f"espeak-ng gave no time for the first word of {text!r}")
    return groups


def _split(words: list[str], spoken: list[Mark]) -> list[Mark]:
    """Share a group's phonemes among its words, in proportion to the phonemes each has alone."""
    cuts = np.cumsum([0, *(_phoneme_count(word) for word in words)])
    cuts = np.round(cuts / cuts[-1] * len(spoken)).astype(int)
    if (np.diff(cuts) < 1).any():
        raise VoiceError(f"espeak-ng made no sound for one of the words {words}")
    pairs = zip(words, cuts, cuts[1:], strict=False)
    return [Mark(word, spoken[a].start_s, spoken[b - 1].end_s) for word, a, b in pairs]


def _phoneme_count(word: str) -> int:
    library, _ = _library()
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    pointer = ctypes.c_void_p(ctypes.cast(ctypes.c_char_p(word.encode()), ctypes.c_void_p).value)
    phonemes = library.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, ord("_") << 8)
    return max(phonemes.count(b"_"), 0) + 1
