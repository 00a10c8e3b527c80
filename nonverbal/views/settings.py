"""Settings of the views."""

from pydantic import Field

from nonverbal.settings import Settings


class Samples(Settings):
    """Utterances that a run shows of itself."""

    utterances: int = Field(ge=0)
    """How many: those with most frames in which face and body are known, each of another clip."""
    longest_s: float = Field(gt=0)
    """Utterances with more seconds than this are not taken: a second takes some seconds to film."""


class Views(Settings):
    """What a run found, to look at."""

    samples: Samples
