"""Pocketsphinx with the en-us model of its package: forced alignment of known words, and decoding of unknown ones."""

import io
import math
from dataclasses import dataclass, replace

import numpy as np

from nonverbal.media import SAMPLE_RATE
from nonverbal.models import model_path
from nonverbal.speech.pronounce import guess_phones, spoken_forms
from nonverbal.speech.turns import Sound

FRAMES_PER_SECOND = 100
# The words are known, so the search is small: nothing is pruned that could still reach the last word, and neither
# words nor pauses have a price. Without the lattice's best path the score is the likelihood of the whole path, which
# can be compared between word lists, and long silences lose no path.
KNOWN_WORDS = {"beam": 1e-120, "wbeam": 1e-100, "pbeam": 1e-120, "silprob": 1.0, "wip": 1.0, "bestpath": False}
# Each stretch of sound is normalised by itself: the default carries a running mean from one to the next.
BY_ITSELF = {"cmn": "batch"}
# -60 dBFS under known words: the model has never heard digital silence, and stretches words into it. Decoding gets the
# sound as it is: there the noise costs more words than it saves.
NOISE = 1e-3


@dataclass(frozen=True)
class Word:
    """A word and when it is said, in seconds; confidence is None where nothing measures it.

    interpolated: the time is not measured at the word itself, or its pronunciation is guessed.
    """

    word: str
    start_s: float
    end_s: float
    confidence: float | None
    interpolated: bool

    def shifted(self, seconds: float) -> "Word":
        """The word so many seconds later."""
        return replace(self, start_s=self.start_s + seconds, end_s=self.end_s + seconds)


def pcm(samples: np.ndarray) -> bytes:
    """16-bit samples of float sound in -1..1."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def with_noise(samples: np.ndarray) -> np.ndarray:
    """The sound with a little noise that is always the same."""
    return samples + np.random.default_rng(0).normal(0, NOISE, len(samples))


class PcmStream(io.RawIOBase):
    """Sound as a file of 16-bit samples, read and converted bit by bit, so that hours of it take no more memory.

    A second of silence follows: the segmenter gives out speech that lasts to the end only after a pause.
    """

    def __init__(self, samples: Sound) -> None:
        self.samples, self.position = samples, 0
        self.end = len(samples) + SAMPLE_RATE

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next so many bytes; fewer at the end."""
        count = self.end - self.position if size < 0 else min(size // 2, self.end - self.position)
        part = self.samples[self.position : self.position + count]
        self.position += count
        return pcm(part) + bytes(2 * (count - len(part)))


class Aligner:
    """Puts times on known English words."""

    def __init__(self) -> None:
        import pocketsphinx

        model = model_path("pocketsphinx_en_us")
        dictionary = str(model / "cmudict-en-us.dict")
        self.decoder = pocketsphinx.Decoder(
            hmm=str(model / "en-us"), dict=dictionary, lm=None, loglevel="FATAL", **KNOWN_WORDS, **BY_ITSELF
        )
        self.guessed: set[str] = set()

    def align(self, samples: np.ndarray, words: tuple[str, ...]) -> tuple[float, list[Word]] | None:
        """Find the words in the sound, in order, with silence allowed between them.

        Returns:
            scaled log-likelihood, comparable between word lists on the same sound, and the words with their times; or
            None where no path fits, e.g. because the sound is too short.
        """
        forms = [spoken_forms(word) for word in words]
        tokens = [token for of_word in forms for token in of_word]
        if not all(forms) or not self._search(samples, tokens):
            return None
        segments = [s for s in self.decoder.seg() or [] if s.word[0] not in "<[+"]
        hypothesis = self.decoder.hyp()
        if hypothesis is None or len(segments) != len(tokens):
            return None
        found, first = [], 0
        for word, of_word in zip(words, forms, strict=True):
            last = first + len(of_word) - 1
            start, end = segments[first].start_frame, segments[last].end_frame + 1
            guessed = not self.guessed.isdisjoint(of_word)
            found.append(Word(word, start / FRAMES_PER_SECOND, end / FRAMES_PER_SECOND, None, guessed))
            first = last + 1
        return math.log(hypothesis.score), found

    def _search(self, samples: np.ndarray, tokens: list[str]) -> bool:
        for token in sorted(set(tokens)):
            if self.decoder.lookup_word(token) is None:
                self.decoder.add_word(token, guess_phones(token))
                self.guessed.add(token)
        if len(samples) * FRAMES_PER_SECOND < SAMPLE_RATE * 6 * len(tokens):  # 3 states a phone, 2 phones a word
            return False
        self.decoder.reinit_feat()  # even batch normalisation starts from what was heard before
        self.decoder.set_align_text(" ".join(tokens))
        self.decoder.start_utt()
        self.decoder.process_raw(pcm(with_noise(samples)), full_utt=True)
        self.decoder.end_utt()
        return True


class Recognizer:
    """Writes down English speech without any help: wrong in every fourth word of clear read speech, worse in talk."""

    def __init__(self) -> None:
        import pocketsphinx

        model = model_path("pocketsphinx_en_us")
        self.decoder = pocketsphinx.Decoder(
            hmm=str(model / "en-us"), dict=str(model / "cmudict-en-us.dict"), lm=str(model / "en-us.lm.bin"),
            loglevel="FATAL", **BY_ITSELF,
        )  # fmt: skip

    def words(self, samples: Sound) -> list[Word]:
        """Decode each stretch of speech that pocketsphinx' own voice activity detection finds."""
        import pocketsphinx

        found = []
        segmenter = pocketsphinx.Segmenter(sample_rate=SAMPLE_RATE)
        for segment in segmenter.segment(PcmStream(samples)):
            self.decoder.reinit_feat()
            self.decoder.start_utt()
            self.decoder.process_raw(segment.pcm, full_utt=True)
            self.decoder.end_utt()
            for one in self.decoder.seg() or []:
                if one.word[0] not in "<[+":
                    start, end = one.start_frame / FRAMES_PER_SECOND, (one.end_frame + 1) / FRAMES_PER_SECOND
                    word = one.word.split("(")[0]
                    found.append(Word(word, start, end, min(1.0, one.prob), False).shifted(segment.start_time))
        return found
