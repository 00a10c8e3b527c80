"""Transcription by whisperx: Whisper writes stretches of speech down, a wav2vec2 network times the words."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nltk
import numpy as np
import torch
from whisperx.alignment import align, load_align_model
from whisperx.asr import load_model
from whisperx.utils import PUNKT_LANGUAGES
from whisperx.vads import Pyannote, Vad

from nonverbal.media import SAMPLE_RATE
from nonverbal.progress import Heartbeat
from nonverbal.speech.align import within
from nonverbal.speech.language import Language
from nonverbal.speech.pocketsphinx_words import Word
from nonverbal.speech.settings import WhisperX
from nonverbal.speech.stretches import spread, timed
from nonverbal.speech.transcript import Spoken, Transcript

VAD = {"vad_onset": 0.5, "vad_offset": 0.363}  # whisperx's own
SILENCE = Transcript([], "no_speech", Language("", 0.0, "none", ""))
PUNKT = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")


class Found(Vad):
    """Hands whisperx the stretches of speech that were found before its language was told."""

    def __init__(self) -> None:
        self.stretches: list[dict[str, Any]] = []

    def __call__(self, sound: object) -> list[dict[str, Any]]:
        """The stretches, whatever the sound."""
        return self.stretches

    @staticmethod
    def preprocess_audio(audio: np.ndarray) -> np.ndarray:
        """Nothing is to be done."""
        return audio

    @staticmethod
    def merge_chunks(stretches: list[dict], *_: object, **__: object) -> list[dict]:
        """They are merged."""
        return stretches


class WhisperXTranscriber:
    """Callable: a clip's sound -> its language and words; each network is loaded once, aligners when first needed."""

    def __init__(self, settings: WhisperX, models: Mapping[str, Path]) -> None:
        self.settings, self.models = settings, models
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        precision = settings.precision.gpu if self.device == "cuda" else settings.precision.cpu
        self.vad = Pyannote(torch.device(self.device), **VAD)
        self.found = Found()
        self.pipeline = load_model(
            str(models[settings.model]), self.device, compute_type=precision, vad_model=self.found, threads=0
        )  # 0 threads: as OMP_NUM_THREADS says
        self.aligners: dict[str, tuple[Any, dict]] = {}
        self.sentences = sentence_data()

    def __call__(self, clip: Spoken) -> Transcript:
        """Captions and tags are not used: language and words are the sound's."""
        samples = clip.samples
        self.found.stretches = self.stretches(samples)
        if not self.found.stretches:
            return SILENCE
        language = self.language(samples)
        written = self.pipeline.transcribe(
            samples,
            batch_size=self.settings.batch,
            language=language.code,
            progress_callback=Heartbeat("transcribe").percent,
        )
        words = [word for stretch in written["segments"] for word in self.words(samples, stretch, language.code)]
        return Transcript(within(words, clip.length_s), "decoded", language)

    def stretches(self, samples: np.ndarray) -> list[dict[str, Any]]:
        """Speech in pieces that Whisper takes: `start` and `end` in seconds."""
        if not len(samples):
            return []
        scores = self.vad({"waveform": self.vad.preprocess_audio(samples), "sample_rate": SAMPLE_RATE})
        return self.vad.merge_chunks(scores, self.settings.stretch_s, VAD["vad_onset"], VAD["vad_offset"])

    def language(self, samples: np.ndarray) -> Language:
        """What is spoken, told from the first windows of speech, with Whisper's probability."""
        bounds = ((round(one["start"] * SAMPLE_RATE), round(one["end"] * SAMPLE_RATE)) for one in self.found.stretches)
        speech = np.concatenate([samples[start:end] for start, end in bounds])
        windows = self.settings.language_windows
        code, probability, _ = self.pipeline.model.detect_language(speech, language_detection_segments=windows)
        return Language(code, float(probability), "sound", "")

    def words(self, samples: np.ndarray, stretch: Mapping[str, Any], language: str) -> list[Word]:
        """The words of a stretch with their times in the clip."""
        text, start, end = stretch["text"], stretch["start"], stretch["end"]
        if language not in self.settings.align:
            return spread(text, language, start, end)
        network, known = self.aligner(language)
        aligned = align([stretch], network, known, samples, self.device)["segments"]
        found = [word for part in aligned for word in part["words"]]
        return timed(found, text, language, known["dictionary"], start, end)

    def aligner(self, language: str) -> tuple[Any, dict]:
        """The network that times this language, and what it knows."""
        if language not in self.aligners:
            folder = str(self.models[self.settings.align[language]])
            self.aligners[language] = load_align_model(language, self.device, folder, model_cache_only=True)
        return self.aligners[language]


def sentence_data() -> tempfile.TemporaryDirectory:
    """Data for nltk's sentence splitter that knows no abbreviation, where whisperx would download some.

    whisperx cuts stretches into sentences; only words are read, so that it does not matter where it cuts.
    """
    folder = tempfile.TemporaryDirectory(prefix="punkt-")
    for language in set(PUNKT_LANGUAGES.values()):
        data = Path(folder.name) / "tokenizers" / "punkt_tab" / language
        data.mkdir(parents=True)
        for name in PUNKT:
            (data / name).touch()
    nltk.data.path.insert(0, folder.name)
    return folder
