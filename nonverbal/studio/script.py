"""The script that the actors were given: dialogues of lines, and how alike texts are."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nonverbal.errors import UserError

# A word, or one character of a script that puts no spaces between words.
TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:'[^\W_]+)*"
)
SPOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    utterance_id: str
    speaker_id: int = Field(ge=0, le=1)
    emotion_label: str
    text: str


class _Dialogue(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    topic_label: str
    num_utterances: int
    utterances: list[_Line]


@dataclass(frozen=True)
class Line:
    """What one of the two actors says at once, and with which emotion."""

    utterance_id: str
    speaker_id: int
    emotion_label: str
    text: str


@dataclass(frozen=True)
class Dialogue:
    """A dialogue of the script."""

    script_id: str
    topic_label: str
    lines: tuple[Line, ...]


def read_script(path: Path) -> dict[str, Dialogue]:
    """All dialogues of a script, by id.

    Raises:
        UserError: the file is not such a script; says which dialogue is wrong.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise UserError(f"config key sources: the script {path} is no JSON text: {error}") from None
    if not isinstance(raw, dict):
        raise UserError(f"config key sources: the script {path} must be {{dialogue_id: {{topic_label, utterances}}}}")
    return {script_id: _dialogue(path, script_id, value) for script_id, value in raw.items()}


def _dialogue(path: Path, script_id: str, value: Any) -> Dialogue:  # noqa: ANN401 - whatever the file holds
    try:
        found = _Dialogue.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}, dialogue {script_id}: {key or 'it'}: {first['msg']}") from None
    if found.num_utterances != len(found.utterances):
        raise UserError(
            f"{path}, dialogue {script_id}: num_utterances is {found.num_utterances}, but it has "
            f"{len(found.utterances)} utterances; correct one of them"
        )
    lines = (Line(**line.model_dump()) for line in found.utterances)
    return Dialogue(script_id, found.topic_label, tuple(lines))


def tokens(text: str) -> list[str]:
    """Words without case and punctuation; of Chinese and Japanese text, characters."""
    return TOKEN.findall(text.casefold().replace("’", "'"))


def spoken_words(text: str) -> tuple[str, ...]:
    """What is said in a line, in order: words with their punctuation; of Chinese and Japanese text, characters."""
    return tuple(word for word in SPOKEN.findall(text) if tokens(word))


def likeness(said: Sequence[str], written: Sequence[str]) -> np.ndarray:
    """TF-IDF cosine of each text that was heard with each that was written, [said, written]; 0 for an empty text."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(tokens(text) for text in written):
        return np.zeros((len(said), len(written)))
    vectorizer = TfidfVectorizer(analyzer=tokens)
    against = vectorizer.fit_transform(written)
    return np.asarray((vectorizer.transform(said) @ against.T).todense()).reshape(len(said), len(written))
