"""Transcription from what installed packages hold: captions aligned by pocketsphinx, else its own decoding."""

from functools import cached_property

from nonverbal.speech.align import align_cues, interpolate, within
from nonverbal.speech.language import identify
from nonverbal.speech.pocketsphinx_words import Aligner, Recognizer
from nonverbal.speech.settings import Transcribe
from nonverbal.speech.transcript import Spoken, Transcript

MODEL_LANGUAGE = "en"  # of pocketsphinx' bundled model


class EmbeddedTranscriber:
    """Callable: a clip's sound and captions -> its language and words; loads each model when first needed."""

    def __init__(self, settings: Transcribe) -> None:
        self.settings = settings

    @cached_property
    def aligner(self) -> Aligner:
        """Times for known words."""
        return Aligner()

    @cached_property
    def recognizer(self) -> Recognizer:
        """Words without captions."""
        return Recognizer()

    def __call__(self, clip: Spoken) -> Transcript:
        """Captions are used where they are in the language spoken; without any, English or unknown speech is decoded.

        Speech of a known other language without captions stays without words: the English model would invent them.
        """
        words = [word for cue in clip.cues for word in cue.words]
        language = identify(clip.container_language, clip.caption_language, words, self.settings)
        if clip.cues and language.written == language.code:
            if language.code == MODEL_LANGUAGE:
                aligned = align_cues(clip.sound, clip.cues, self.aligner.align, self.settings)
                return Transcript(aligned, "captions_aligned", language)
            spread = [word for cue in clip.cues for word in interpolate(cue)]
            return Transcript(within(spread, clip.length_s), "captions_interpolated", language)
        if language.code in ("", MODEL_LANGUAGE):
            return Transcript(within(self.recognizer.words(clip.sound), clip.length_s), "decoded", language)
        return Transcript([], "none", language)
