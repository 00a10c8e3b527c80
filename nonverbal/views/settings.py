"""Settings of the views."""

from pydantic import Field

from nonverbal.settings import Settings


class Samples(Settings):
    """Utterances that a run shows of itself."""

    utterances: int = Field(ge=0)
    """How many: those with most frames in which face and body are known, each of another clip."""


class Views(Settings):
    """What a run found, to look at."""

    samples: Samples
