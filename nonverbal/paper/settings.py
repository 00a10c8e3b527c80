"""Settings of the paper stage."""

from pydantic import Field

from nonverbal.settings import Settings


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


class Figure5(Settings):
    """Words and topics of the titles."""

    words: int = Field(gt=0)
    """Most words in the cloud."""
    topics: int = Field(gt=1)
    """Topics that titles are factored into (unpublished); half the titles where that is less."""


class Paper(Settings):
    """Tables and figures."""

    figure3: Figure3
    figure5: Figure5
