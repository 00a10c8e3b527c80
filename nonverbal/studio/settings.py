"""Settings of the studio stage, and the form of its sources."""

from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings


class StudioSource(Settings):
    """A folder of studio recordings: <date>_<md5>_<side>.mp4, one actor a channel."""

    kind: Literal["studio"]
    """studio, the only kind that needs to be named."""
    folder: str = Field(min_length=1)
    """Where the recordings lie, in folders or not."""
    script: str | None = None
    """JSON of what the actors were given to say; null where there is none."""


class Sides(Settings):
    """Recordings whose channels can tell who speaks."""

    silence_dbfs: float
    """A channel whose loudness is below this is silent."""
    likeness: float = Field(gt=0, le=1)
    """Correlation of the channels from which on they hold the same sound."""


class SideTurns(Settings):
    """The loudest speaker of a channel is its actor."""

    longest_gap_s: float = Field(ge=0)
    """Shorter gaps between the actor's turns are closed (paper: 1)."""
    least_turn_s: float = Field(ge=0)
    """Shorter turns are dropped after that (paper: 1)."""
    cross_talk_db: float | None = Field(ge=0)
    """A stretch that is louder on the other channel by this much is cross-talk, whoever it sounds like; null looks at
    voices alone, as the paper does."""


class ScriptLines(Settings):
    """Which line of the script a turn is."""

    least_similarity: float = Field(ge=0, le=1)
    """TF-IDF cosine below which a turn is no line of the script (paper: 0.2)."""


class ScriptWords(Settings):
    """Words of turns whose line is known."""

    align: bool
    """true: the line's words, force-aligned to the turn, replace what was recognised; false keeps the latter."""


class Studio(Settings):
    """Channels, turns, words and script of studio recordings."""

    sides: Sides
    side_turns: SideTurns
    script_lines: ScriptLines
    script_words: ScriptWords
