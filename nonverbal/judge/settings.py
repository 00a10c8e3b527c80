"""Settings of stage judge: what people are asked, of how many units."""

from pydantic import Field

from nonverbal.settings import Settings


class Asked(Settings):
    """Units drawn for one question; 0 and 0 ask nothing."""

    kept: int = Field(ge=0)
    """Of the units that were kept."""
    dropped: int = Field(ge=0)
    """Of the units that were dropped, for each reason."""


class Questions(Settings):
    """What people are asked; yes is what a kept unit should get."""

    people: Asked
    """Of a video's thumbnail: does it show a person?"""
    two_speakers: Asked
    """Of a clip: do exactly two people speak?"""
    language: Asked
    """Of a clip: is the wanted language spoken?"""
    visible: Asked
    """Of a clip: is who speaks seen?"""
    safe: Asked
    """Of an utterance's words: are they harmless?"""
    words: Asked
    """Of an utterance: are these the words, all of one person?"""
    speaker: Asked
    """Of an utterance: is the person in the box the one who speaks?"""
    face: Asked
    """Of a frame: can the expression of the face in the box be read?"""


class Draw(Settings):
    """The sample that people judge."""

    questions: Questions
    parts: int = Field(gt=0)
    """Pieces of a clip that are shown, spread over it."""
    part_s: float = Field(gt=0)
    """Seconds a piece."""


class Judge(Settings):
    """People check what the filters decided."""

    judgements: str = Field(min_length=1, pattern=r"^[^<>{}*?\s]+$")
    """Folder that judgements are kept in, a file a person; outside the results, as no rule can make them again."""
    confidence: float = Field(gt=0.5, lt=1)
    """Of the intervals."""
    draw: Draw
