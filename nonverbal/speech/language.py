"""Which language a clip is in, from what is written: tags and captions. Never from sound, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nonverbal.models import model_path
from nonverbal.speech.settings import Transcribe


@dataclass(frozen=True)
class Language:
    """ISO 639-1 code ("" when undetermined), score 0..1, what it is from, and the language of the captions.

    score: 1 where a tag declares the language and the captions' text does not contradict it; the text's probability
    where the text decides; 0 when undetermined.
    """

    code: str
    score: float
    source: str
    written: str


def identify(container: str, captions: str, words: Sequence[str], settings: Transcribe) -> Language:
    """The container's tag, else the caption track's, else the captions' text, which also corrects a wrong tag.

    Captions that are labelled and written in another language than the container's are a translation: the container
    stands.

    Args:
        container: language tag of the sound, ISO 639-1, or "".
        captions: language of the caption track, ISO 639-1, or "".
        words: caption words of the clip.
        settings: when the text is clear.
    """
    text, probability = classify(" ".join(words)) if len(words) >= settings.text_words else ("", 0.0)
    if probability < settings.text_score:
        text = ""
    written = text or captions
    if container and (written in ("", container) or text in ("", captions)):
        return Language(container, 1.0, "container", written)
    if text and text != captions:
        return Language(text, probability, "captions_text", written)
    return Language(captions, 1.0, "captions", written) if captions else Language("", 0.0, "none", "")


def classify(text: str) -> tuple[str, float]:
    """Most probable language of a text (ISO 639-1) and its probability."""
    code, probability = _identifier().classify(text)
    return str(code), float(probability)


@lru_cache(maxsize=1)
def _identifier() -> Any:  # noqa: ANN401 - py3langid has no types
    from py3langid.langid import LanguageIdentifier

    return LanguageIdentifier.from_model_file(str(model_path("py3langid")), norm_probs=True)
