"""Settings of the studio stage, and the form of its sources."""

from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings

ZERO_SHOT = "bge-m3-zeroshot-v2.0"  # row of the model registry


class StudioSource(Settings):
    """A folder of studio recordings: <date>_<md5>_<side>.mp4, one actor a channel."""

    kind: Literal["studio"]
    """studio, the only kind that needs to be named."""
    folder: str = Field(min_length=1)
    """Where the recordings lie, in folders or not."""
    script: str | None = None
    """JSON of what the actors were given to say; null where there is none."""
    actors: str | None = None
    """CSV (dialogue_id, side, actor, gender) of who stands where; null where it is not known."""


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


class Emotions(Settings):
    """Which emotion each turn has."""

    backend: Literal["word_list", "zero_shot"]
    """word_list: looks up words, no model; zero_shot: a multilingual network asked for each label, fetched."""
    labels: tuple[str, ...] = Field(min_length=2)
    """What a turn may be told to be, written as in the script; the paper has 18."""
    words: str
    """word_list: CSV (emotion, words), words of an emotion with spaces between."""
    hypothesis: str = Field(pattern=r"\{\}")
    """zero_shot: the sentence that is put to the network, {} for the label."""
    batch: int = Field(gt=0)
    """zero_shot: sentences at a time."""

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return [ZERO_SHOT] if self.backend == "zero_shot" else []

    @property
    def gpus(self) -> int:
        """That a job of the backend wants."""
        return len(self.models)


class EmotionFrequencies(Settings):
    """How often each emotion is, of men and of women."""

    reference: str | None
    """CSV (emotion, group, percent, source) of percentages to compare with, group all, men or women; null: none."""


class Gaze(Settings):
    """Where the actors look, of the eyes in the head."""

    bins: int = Field(gt=1)
    """Of the heat map, each way (paper: 100)."""
    reach: float = Field(gt=0, le=1)
    """Of the heat map to each side, of the farthest that eyes turn; what lies beyond is counted."""
    directions: int = Field(gt=2)
    """Of the rose plot (paper: 36)."""
    closed_ratio: float = Field(ge=0, lt=1)
    """How far open, of fully, an eye must be to count (paper: 0.25)."""


class Framing(Settings):
    """Areas and distances to the picture's edges of face and body."""

    every: int = Field(gt=0)
    """Frames from one that is measured to the next (paper: 20)."""


class FramingCheck(Settings):
    """When a face or a body is cut."""

    edge: float = Field(ge=0, lt=0.5)
    """Share of the picture's width or height nearer than which to an edge a box is cut."""
    limb_known: float = Field(gt=0, le=1)
    """Share of an arm's or hand's numbers that must be known for it to count as known."""


class Studio(Settings):
    """Channels, turns, words and script of studio recordings, and what the corpus is judged by."""

    sides: Sides
    side_turns: SideTurns
    script_lines: ScriptLines
    script_words: ScriptWords
    emotions: Emotions
    emotion_frequencies: EmotionFrequencies
    gaze: Gaze
    framing: Framing
    framing_check: FramingCheck
