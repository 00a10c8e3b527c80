"""Settings of the dataset stage."""

from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings


class Safety(Settings):
    """Harmful utterances (paper: WildGuard)."""

    backend: Literal["word_list"]
    """word_list: phrases looked up in a list, not a safety model; every row it makes says so."""
    phrases: str = Field(min_length=1)
    """File with a phrase a line."""


class KeepSafe(Settings):
    """Drop a video with too much harmful speech."""

    harmful_s: float = Field(gt=0)
    """Seconds of harmful utterances above which the whole video is dropped (paper: 180)."""


class Split(Settings):
    """Train, validation and test, leaking neither channel nor person."""

    validation: float = Field(ge=0, le=0.4)
    """Share of the clips in the validation split; 0 makes none."""
    test: float = Field(ge=0, le=0.4)
    """Share of the clips in the test split; 0 makes none."""
    by: Literal["channel", "video"]
    """What is never divided between splits; with too few of it, the next finer unit, and the log says so."""
    persons: str | None
    """CSV with columns video_id and person: units that share a person are never divided; null where nobody knows."""


class Dataset(Settings):
    """Safety, splits, records."""

    safety: Safety
    keep_safe: KeepSafe
    split: Split
