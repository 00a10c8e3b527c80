"""Words of a stretch of speech from what an aligner gives for it: read by their fields, none lost, guesses marked."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from nonverbal.speech.align import interpolate
from nonverbal.speech.captions import Cue
from nonverbal.speech.pocketsphinx_words import Word

WITHOUT_SPACES = frozenset({"ja", "lo", "my", "th", "yue", "zh"})  # a character a word
TIMED = {"start", "end", "score"}


def split(text: str, language: str) -> tuple[str, ...]:
    """The words of a text with their punctuation; where a language writes no spaces, its characters."""
    words = text.split()
    return tuple("".join(words)) if language in WITHOUT_SPACES else tuple(words)


def spread(text: str, language: str, start_s: float, end_s: float) -> list[Word]:
    """The words of a text over the time in which they are said, by their length; all marked as interpolated."""
    words = tuple(word for word in split(text, language) if is_word(word))
    return interpolate(Cue(start_s, end_s, words)) if words else []


def is_word(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for character in text)


def timed(
    aligned: Sequence[Mapping[str, Any]],
    text: str,
    language: str,
    alphabet: Container[str],
    start_s: float,
    end_s: float,
) -> list[Word]:
    """The words of a stretch with the times that an aligner found.

    Words without a time share what lies between their neighbours. A word of which the aligner knows no character (a
    number, say) has the time that its neighbours leave. Both are marked as interpolated, and nothing measures them. If
    words of the text are lost, all are spread.

    Args:
        aligned: in order; `word`, and where it was found `start`, `end` (seconds) and `score` (0 to 1).
        text: of the stretch.
        language: ISO 639-1.
        alphabet: lower-case characters that the aligner knows.
        start_s, end_s: of the stretch.
    """
    if "".join(word["word"] for word in aligned) != "".join(text.split()):
        return spread(text, language, start_s, end_s)
    found: list[Word] = []
    waiting: list[str] = []  # for the start of the next word that has a time
    for word in (word for word in aligned if is_word(word["word"])):
        if not word.keys() >= TIMED:
            waiting.append(word["word"])
            continue
        start, end = float(word["start"]), float(word["end"])
        found += _between(found, waiting, start_s, start)
        waiting = []
        known = any(character.lower() in alphabet for character in word["word"])
        found.append(Word(word["word"], start, end, float(word["score"]) if known else None, not known))
    return found + _between(found, waiting, start_s, end_s)


def _between(found: list[Word], words: list[str], start_s: float, end_s: float) -> list[Word]:
    if not words:
        return []
    start = found[-1].end_s if found else start_s
    return interpolate(Cue(start, max(start, end_s), tuple(words)))
