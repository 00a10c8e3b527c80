"""Sentiment: how negative, neutral or positive each sentence is (paper: TweetNLP's RoBERTa; embedded: VADER)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from nonverbal.dataset.statistics import SENTENCE_END
from nonverbal.models import fetched, model_path
from nonverbal.paper.settings import ROBERTA, Sentiment
from nonverbal.schema import TABLES, read_table
from nonverbal.shards import digest, map_units

LABELS = ("negative", "neutral", "positive")
LONGEST = 512  # tokens that the network reads


class Scores(NamedTuple):
    """Of some sentences: probabilities [n, 3] of LABELS, NaN where there are none, and valences [n] in -1..1."""

    probabilities: np.ndarray
    valence: np.ndarray


class Analyser(Protocol):
    """Judges sentences."""

    def __call__(self, sentences: list[str]) -> Scores:
        """Scores of each sentence."""
        ...


class Vader:
    """Words with valences, and rules for negation and emphasis (Hutto and Gilbert 2014): not a network."""

    def __init__(self) -> None:
        from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

        class Analyzer(SentimentIntensityAnalyzer):
            """NLTK's, with the lexicon of the package that its makers publish."""

            def __init__(self, lexicon: str) -> None:
                self.lexicon_file = lexicon
                self.lexicon = self.make_lex_dict()
                self.constants = VaderConstants()

        self.analyzer = Analyzer(model_path("vader_lexicon").read_text(encoding="utf-8").strip())

    def __call__(self, sentences: list[str]) -> Scores:
        """See `Analyser`."""
        valence = [self.analyzer.polarity_scores(sentence)["compound"] for sentence in sentences]
        return Scores(np.full((len(sentences), len(LABELS)), np.nan), np.array(valence, float))


class Roberta:
    """A network that read tweets (Loureiro et al. 2022), in batches of sentences of one length or so.

    Args:
        folder: of the model.
        batch: sentences at a time.
    """

    def __init__(self, folder: Path, batch: int) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.batch, self.device = batch, "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
        self.network = network.eval().to(self.device)
        names = {str(name).lower(): number for number, name in network.config.id2label.items()}
        self.columns = [names.get(label, number) for number, label in enumerate(LABELS)]  # LABEL_0 is negative

    def __call__(self, sentences: list[str]) -> Scores:
        """See `Analyser`."""
        import torch

        probabilities = np.empty((len(sentences), len(LABELS)))
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            inputs = self.tokenizer(
                [as_tweet(sentences[i]) for i in chosen], return_tensors="pt", padding=True, truncation=True,
                max_length=LONGEST,
            ).to(self.device)  # fmt: skip
            with torch.inference_mode():
                logits = self.network(**inputs).logits.float()
            probabilities[chosen] = logits.softmax(-1)[:, self.columns].cpu().numpy()
        return Scores(probabilities, probabilities[:, 2] - probabilities[:, 0])


def as_tweet(sentence: str) -> str:
    """Names and links as the network saw them in training."""
    words = sentence.split(" ")
    words = ["@user" if word.startswith("@") and len(word) > 1 else word for word in words]
    return " ".join("http" if word.startswith("http") else word for word in words)


def sentiment(words: Path, models: list[Path], sentiment: Path, settings: Sentiment) -> None:
    """Score each sentence of a shard.

    Args:
        words: the shard's words, with their utterances.
        models: what the backend needs, fetched.
        sentiment: table to write; scores alone, no decision.
        settings: which backend.
    """
    spoken = read_table(words, "words").sort_values(["clip_id", "word_index"])
    loaded: list[Analyser] = []  # not before a clip needs it

    def process(clip_id: str) -> dict[str, pd.DataFrame]:
        if not loaded:
            loaded.append(Vader() if settings.backend == "vader" else Roberta(fetched(models)[ROBERTA], settings.batch))
        rows = pd.DataFrame(sentences_of(spoken[spoken["clip_id"] == clip_id]))
        if rows.empty:
            return {"sentiment": TABLES["sentiment"].empty_table().to_pandas()}
        scores = loaded[0](rows["text"].tolist())
        rows[list(LABELS)], rows["valence"] = scores.probabilities, scores.valence
        return {"sentiment": rows.assign(backend=settings.backend)}

    key = (settings.model_dump(), digest(spoken.to_dict("list")))
    map_units(spoken["clip_id"].unique().tolist(), process, {"sentiment": sentiment}, key, "sentiment")


def sentences_of(words: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The sentences of a clip's utterances with their times: a word that ends in . ! or ? ends one, and so does its
    utterance; what has no letter or digit is none."""
    for (clip_id, utterance_id), rows in words.groupby(["clip_id", "utterance_id"], sort=True):
        said: list[dict[Any, Any]] = []
        number = 0
        records = rows.to_dict("records")
        for word in records:
            said.append(word)
            if word is not records[-1] and not SENTENCE_END.search(word["word"]):
                continue
            text = " ".join(one["word"] for one in said)
            if any(map(str.isalnum, text)):
                yield {
                    "clip_id": clip_id, "utterance_id": utterance_id, "sentence": number, "text": text,
                    "start_s": said[0]["start_s"], "end_s": said[-1]["end_s"],
                }  # fmt: skip
                number += 1
            said = []


def labels_of(scores: pd.DataFrame, neutral_within: float) -> np.ndarray:
    """The label of each row of table `sentiment`: the most probable, or by valence where there are no probabilities."""
    probabilities, valence = scores[list(LABELS)].to_numpy(float), scores["valence"].to_numpy(float)
    by_valence = 1 + (valence >= neutral_within).astype(int) - (valence <= -neutral_within).astype(int)
    known = ~np.isnan(probabilities).any(axis=1)
    most = np.where(known, np.nan_to_num(probabilities).argmax(axis=1), by_valence)
    return np.array(LABELS)[most]
