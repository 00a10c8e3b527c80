"""What a transcriber takes and gives; WhisperX and others can stand beside the embedded one behind it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nonverbal.media import SAMPLE_RATE
from nonverbal.speech.captions import Cue
from nonverbal.speech.language import Language
from nonverbal.speech.pocketsphinx_words import Word
from nonverbal.speech.turns import Sound


@dataclass(frozen=True)
class Spoken:
    """A clip: its sound (16 kHz) and what is written about it; cue times are the clip's."""

    sound: Sound
    cues: list[Cue]
    container_language: str
    caption_language: str

    @property
    def samples(self) -> np.ndarray:
        """All of the sound at once, [samples]."""
        return self.sound[:]

    @property
    def length_s(self) -> float:
        """Seconds of sound."""
        return len(self.sound) / SAMPLE_RATE


@dataclass(frozen=True)
class Transcript:
    """Words in order of start, where they come from (see schema's `words_source`), and the language."""

    words: list[Word]
    words_source: str
    language: Language


Transcriber = Callable[[Spoken], Transcript]
