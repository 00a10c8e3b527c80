"""Emotions: which of the config's labels each turn's text is likely to have, beside the script's label."""

import csv
from collections import Counter
from pathlib import Path
from typing import Protocol

from nonverbal.errors import UserError
from nonverbal.models import fetched
from nonverbal.schema import read_rows
from nonverbal.shards import Rows, digest, map_units
from nonverbal.studio.recordings import recordings
from nonverbal.studio.script import tokens
from nonverbal.studio.settings import ZERO_SHOT, Emotions


class Classifier(Protocol):
    """Judges texts."""

    def __call__(self, texts: list[str]) -> list[dict[str, float]]:
        """Of each text the scores of labels, adding up to 1; none where nothing is known."""
        ...


class WordList:
    """Looks up words: the share of a text's listed words that an emotion has. It is no model of emotions.

    Args:
        path: CSV (emotion, words).
        labels: emotions that may be told.

    Raises:
        UserError: the file has other columns, or an emotion that is not among the labels.
    """

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if any(set(row) != {"emotion", "words"} or None in row.values() for row in rows):
            raise UserError(f"config key studio.emotions.words: {path} must have the columns emotion and words alone")
        unknown = sorted({row["emotion"] for row in rows} - set(labels))
        if unknown:
            raise UserError(f"config key studio.emotions.labels: add {', '.join(unknown)}, which {path} has words of")
        self.emotions: dict[str, list[str]] = {}
        for row in rows:
            for word in tokens(row["words"]):
                self.emotions.setdefault(word, []).append(row["emotion"])

    def __call__(self, texts: list[str]) -> list[dict[str, float]]:
        """See `Classifier`."""
        return [self._scores(text) for text in texts]

    def _scores(self, text: str) -> dict[str, float]:
        found = Counter(emotion for word in tokens(text) for emotion in self.emotions.get(word, []))
        return {emotion: count / found.total() for emotion, count in found.items()}


class ZeroShot:
    """A network that says whether one sentence follows from another, asked for each label (Laurer et al. 2024).

    Args:
        folder: of the model.
        settings: labels, the sentence that is put to it, sentences at a time.
    """

    def __init__(self, folder: Path, settings: Emotions) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

        self.settings = settings
        self.pipeline = pipeline(
            "zero-shot-classification",
            model=AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval(),
            tokenizer=AutoTokenizer.from_pretrained(folder, local_files_only=True),
            device=0 if torch.cuda.is_available() else -1,
        )

    def __call__(self, texts: list[str]) -> list[dict[str, float]]:
        """See `Classifier`."""
        asked = [text for text in texts if text.strip()]
        if not asked:
            return [{} for _ in texts]
        # Commas part labels where they come as one text, so they come as a list.
        answers = iter(self.pipeline(
            asked, candidate_labels=list(self.settings.labels), hypothesis_template=self.settings.hypothesis,
            batch_size=self.settings.batch,
        ))  # fmt: skip
        return [_scores(next(answers)) if text.strip() else {} for text in texts]


def _scores(answer: dict) -> dict[str, float]:
    return dict(zip(answer["labels"], answer["scores"], strict=True))


def emotions(
    sides: Path, side_heard: Path, script_lines: Path, words: Path, models: list[Path], emotions: Path,
    settings: Emotions,
) -> None:  # fmt: skip
    """Score each turn of a shard; the script's label stays as it is written and is mapped to no other.

    Args:
        sides, side_heard, script_lines: tables of those names.
        words: the list of the word_list backend; an input so that a change in it is seen.
        models: what the backend needs, fetched.
        emotions: table to write, one row a segment.
        settings: backend and labels.
    """
    kept, heard = recordings(sides), read_rows(side_heard, "side_heard")
    lines = {(row["clip_id"], row["segment"]): row for row in read_rows(script_lines, "script_lines") if row["kept"]}
    loaded: list[Classifier] = []  # not before a recording needs it

    def one(clip_id: str) -> dict[str, Rows]:
        if not loaded:
            zero_shot = settings.backend == "zero_shot"
            found = fetched(models)
            loaded.append(ZeroShot(found[ZERO_SHOT], settings) if zero_shot else WordList(words, settings.labels))
        rows = []
        for row in (row for row in heard if row["clip_id"] == clip_id):
            line = lines.get((clip_id, row["segment"]), {"text": row["asr"], "emotion_label": ""})
            rows.append({
                "clip_id": clip_id, "dialogue_id": kept[clip_id]["dialogue_id"], "segment": row["segment"],
                "side": row["side"], "text": line["text"], "emotion_label": line["emotion_label"],
                "backend": settings.backend,
            })  # fmt: skip
        scores = loaded[0]([row["text"] for row in rows])
        return {"emotions": [row | {"scores": _pairs(one)} for row, one in zip(rows, scores, strict=True)]}

    key = [settings.model_dump(mode="json"), kept, digest([heard, list(lines.values())]), words.read_text("utf-8")]
    map_units(kept, one, {"emotions": emotions}, key, "emotions")


def _pairs(scores: dict[str, float]) -> list[dict[str, object]]:
    return [{"label": label, "score": score} for label, score in scores.items()]
