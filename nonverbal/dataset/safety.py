"""Safety: which utterances are harmful (paper: WildGuard on sliding pairs of utterances; embedded: a list of phrases).

Each utterance is judged alone, as a prompt and as a response, and as the response to the utterance before it.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import pandas as pd

from nonverbal.dataset.backends import describe
from nonverbal.dataset.settings import Safety
from nonverbal.errors import UserError
from nonverbal.schema import kept_ids, read_table
from nonverbal.shards import digest, map_units

HARMFUL = 0.5  # an utterance with this score or more is harmful


class Classifier(Protocol):
    """Judges a prompt and the response to it; either may be empty."""

    label: str
    """What the rows say judged them."""

    def __call__(self, prompt: str, response: str) -> tuple[float, float]:
        """Harmfulness of the prompt and of the response, each 0..1."""
        ...


class PhraseList:
    """Looks up listed phrases, also across the border of prompt and response. It is not a safety model.

    Args:
        path: UTF-8 text with a phrase a line; lines that start with # are comments.

    Raises:
        UserError: the file lists nothing.
    """

    label = describe("word_list")

    def __init__(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        phrases = sorted({_plain(line) for line in lines if not line.startswith("#")} - {""})
        if not phrases:
            raise UserError(f"config key dataset.safety.phrases: {path} lists no phrase; write one a line")
        # The lookahead lets phrases overlap: each start may count.
        self.pattern = re.compile(rf"(?=\b({'|'.join(map(re.escape, phrases))})\b)")

    def __call__(self, prompt: str, response: str) -> tuple[float, float]:
        """1.0 where a listed phrase ends in the prompt, or in the response; else 0.0."""
        start = _plain(prompt)
        ends = [match.end(1) for match in self.pattern.finditer(f"{start} {_plain(response)}")]
        return float(any(end <= len(start) for end in ends)), float(any(end > len(start) for end in ends))


def _plain(text: str) -> str:
    """Lower case words of letters, digits and apostrophes, one space between."""
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold().replace("’", "'")))


CLASSIFIERS: dict[str, Callable[[Safety], Classifier]] = {"word_list": lambda s: PhraseList(Path(s.phrases))}


def safety(utterances: Path, keep_visible: Path, phrases: Path, safety: Path, settings: Safety) -> None:
    """Score each utterance of the clips that are still kept.

    Args:
        utterances: table of that name.
        keep_visible: decisions; clips it drops are not scored.
        phrases: the list of the word_list backend; an input so that a change in it is seen.
        safety: table to write, one row an utterance.
        settings: which backend judges.
    """
    table = read_table(utterances, "utterances").sort_values(["clip_id", "start_s", "utterance_id"], kind="stable")
    clips = {str(clip_id): rows for clip_id, rows in table.groupby("clip_id", sort=False)}
    classify = CLASSIFIERS[settings.backend](settings)
    process = partial(_score_clip, clips=clips, nothing=table.head(0), classify=classify)
    key = (settings.model_dump(), digest(phrases.read_text(encoding="utf-8")), digest(table.to_dict("list")))
    map_units(kept_ids(keep_visible, "keep_visible"), process, {"safety": safety}, key, "safety")


def _score_clip(
    clip_id: str, clips: dict[str, pd.DataFrame], nothing: pd.DataFrame, classify: Classifier
) -> dict[str, list[dict]]:
    rows = clips.get(clip_id, nothing)
    scores = score_utterances(rows["text"].tolist(), classify)
    return {
        "safety": [
            {
                "clip_id": clip_id, "utterance_id": row.utterance_id, "harmful": score >= HARMFUL, "score": score,
                "start_s": row.start_s, "end_s": row.end_s, "backend": classify.label,
            }
            for row, score in zip(rows.itertuples(), scores, strict=True)
        ]
    }  # fmt: skip


def score_utterances(texts: list[str], classify: Classifier) -> list[float]:
    """Harmfulness of each utterance, 0..1: the highest of alone, in either role, and as answer to the one before."""
    return [
        max(classify(text, "")[0], classify("", text)[1], classify(before, text)[1])
        for before, text in zip(["", *texts], texts, strict=False)
    ]
