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


class Paper(Settings):
    """Tables and figures."""

    figure3: Figure3
