"""Settings of the paper stage."""

from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings

ROBERTA = "twitter-roberta-base-sentiment-latest"  # row of the model registry


class Figure3(Settings):
    """t-SNE and DBSCAN of face and body frames (what the paper does not publish is marked)."""

    frames: int = Field(gt=0)
    """Random frames a clip (paper: 10)."""
    clips: int = Field(gt=0)
    """Random clips (paper: about 1,000)."""
    perplexity: float = Field(gt=0)
    """Of t-SNE (unpublished); a third of the points where that is less."""
    neighbours: int = Field(gt=1)
    """Points that make a place dense, for DBSCAN (unpublished)."""


class Figure4(Settings):
    """Answers of MARS beside the true ones."""

    answers: int = Field(gt=0)
    """How many, drawn by the seed from those that were generated (unpublished)."""
    seconds: float = Field(gt=0)
    """What is shown of an answer, from its start."""
    pictures: int = Field(gt=1)
    """Key frames over that time, evenly spaced."""


class Figure5(Settings):
    """Words and topics of the titles."""

    words: int = Field(gt=0)
    """Most words in the cloud."""
    topics: int = Field(gt=1)
    """Topics that titles are factored into (unpublished); half the titles where that is less."""


class Sentiment(Settings):
    """How negative, neutral or positive each sentence is."""

    backend: Literal["vader", "twitter_roberta"]
    """vader: valences of words and rules; twitter_roberta: the network behind TweetNLP, as in the paper."""
    batch: int = Field(gt=0)
    """twitter_roberta: sentences at a time."""

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return [ROBERTA] if self.backend == "twitter_roberta" else []

    @property
    def gpus(self) -> int:
        """That a job of the backend wants."""
        return len(self.models)


class Figure6(Settings):
    """Words and faces of sentences by sentiment."""

    words: int = Field(gt=0)
    """Most words in a cloud."""
    faces: int = Field(gt=0, le=4)
    """Faces a sentiment, of the sentences that are most so."""
    neutral_within: float = Field(ge=0, lt=1)
    """vader: valences below this, either way, are neutral (its makers' 0.05)."""


class Figure8(Settings):
    """Meshes of two utterances."""

    frames: int = Field(gt=1, le=10)
    """Pictures of an utterance, at equal distances of those in which face and body are known."""


class Figure9(Settings):
    """The record of a clip."""

    part_s: float = Field(gt=0)
    """Seconds that are shown with their words."""


class Algorithm1(Settings):
    """Which person is cropped."""

    clips: int = Field(gt=0)
    """Random clips that are counted."""


class Paper(Settings):
    """Tables and figures."""

    sentiment: Sentiment
    figure3: Figure3
    figure4: Figure4
    figure5: Figure5
    figure6: Figure6
    figure8: Figure8
    figure9: Figure9
    algorithm1: Algorithm1
