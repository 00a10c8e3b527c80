"""The demonstration's cast and script: the typed form of demo/corpus.yaml."""

from datetime import date
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from nonverbal.avatar.look import Colour, Look
from nonverbal.errors import UserError
from nonverbal.schema import REASONS
from nonverbal.settings import Settings
from nonverbal.studio.names import SIDES


class Voice(Settings):
    """An espeak-ng voice."""

    name: str
    """Language with variant, e.g. en-us+f2."""
    pitch: int = Field(50, ge=0, le=99)
    pitch_range: int = Field(50, ge=0, le=99)
    rate: int = Field(165, ge=80, le=300)
    """Words a minute."""


class Person(Settings):
    """Who is seen and heard."""

    voice: Voice
    look: Look


class Expected(Settings):
    """Where a bad video must be dropped."""

    table: str
    """The decision table of nonverbal.schema that drops it."""
    reason: str
    """Its word there."""


class Gesture(Settings):
    """What a person does with head or hands for a while, on top of what follows from the words."""

    person: int = Field(ge=0)
    """Position among the video's people."""
    kind: Literal["turn_head", "lower_hands", "cover_face"]
    """cover_face: with the left hand."""
    start_s: float = Field(ge=0)
    length_s: float = Field(gt=0)
    degrees: float = 0
    """turn_head: to the person's left; negative: right."""


class Video(Settings):
    """One video: people, script and what is wrong with it, if anything."""

    title: str
    guid: str = ""
    """The feed's id of the video; its key in corpus.yaml when empty."""
    uploaded: date
    people: dict[str, Person]
    """By name, in the order of the seats."""
    lines: tuple[str, ...]
    """`N text`: the N-th of the people says the text."""
    gestures: tuple[Gesture, ...] = ()
    language: str = "en"
    """Of the captions."""
    length_s: float = Field(53, gt=0)
    wall: Colour = (0.45, 0.48, 0.50)
    accent: Colour = (0.62, 0.42, 0.24)
    picture: Literal["people", "slides"] = "people"
    thumbnail: Literal["people", "slide"] = "people"
    sound: bool = True
    captions: bool = True
    served: Literal["whole", "truncated", "text", "missing"] = "whole"
    """What the server answers when the video is asked for."""
    expected: Expected | None = None
    """None: it must be kept."""


class SaidLine(Settings):
    """A line of a studio dialogue."""

    person: int = Field(ge=0, le=1)
    """0 stands left, 1 right."""
    emotion: str
    """The script's label; "" for a line that is not in the script."""
    text: str


class StudioDialogue(Settings):
    """A dialogue recorded by two cameras and two microphones."""

    dialogue_id: str = Field(pattern=r"^\d{8}_[0-9a-f]{32}$")
    """<date>_<md5>: what both recordings are called before their side."""
    script_id: str
    """What the script calls it."""
    topic: str
    uploaded: date
    people: dict[str, Person]
    """By name: the left actor, the right actor."""
    said: tuple[SaidLine, ...]
    length_s: float = Field(gt=0)
    leak_db: float
    """Loudness of each voice in the other's microphone, against its own."""

    def video(self) -> Video:
        """The dialogue as the script of a video."""
        lines = tuple(f"{line.person} {line.text}" for line in self.said)
        return Video(title=self.topic, uploaded=self.uploaded, people=self.people, lines=lines, length_s=self.length_s)

    def bad(self, folder: str) -> dict[str, tuple[str, str, str]]:
        """Name -> channel, table and reason of the files that must be dropped, in a folder of that name."""
        mono = self.dialogue_id[:-1] + ("0" if self.dialogue_id[-1] != "0" else "1")
        return {f"{mono}_left": (mono, "clips", "not_stereo"), "rehearsal": (folder, "channels", "bad_name")}

    def names(self, folder: str) -> list[str]:
        """Names of all files."""
        return [f"{self.dialogue_id}_{side}" for side in SIDES] + list(self.bad(folder))


class Channel(Settings):
    """A feed."""

    title: str
    videos: tuple[str, ...]
    """Keys of videos."""


class Corpus(Settings):
    """All of demo/corpus.yaml."""

    people: dict[str, Person]
    channels: dict[str, Channel]
    videos: dict[str, Video]
    studio: StudioDialogue

    def listed_by(self, video: str) -> list[str]:
        """Ids of the channels that list a video."""
        return [name for name, channel in self.channels.items() if video in channel.videos]


class Dialogues(Settings):
    """A synthetic motion corpus in the schema of the published records."""

    hours: float = Field(gt=0)
    """Of dialogue; nearly all of it is somebody's utterance."""
    channels: int = Field(ge=3)
    """Each with a host of its own; splits are of whole channels."""
    clip_s: float = Field(ge=20, le=3600)
    """Length of a clip (paper: 600), a video of its own with a guest of its own."""
    utterance_s: float = Field(ge=4)
    """Mean length of an utterance (paper: 547 frames, 21.9 s); a fifth are shorter than 5 s, a few are minutes."""

    @property
    def clips(self) -> int:
        """How many clips."""
        return max(1, round(self.hours * 3600 / self.clip_s))

    @model_validator(mode="after")
    def _channels_have_clips(self) -> Self:
        if self.clips < self.channels:
            raise ValueError(f"{self.clips} clips cannot fill {self.channels} channels: write more hours")
        return self


class Demo(Settings):
    """What the demonstration makes beside the videos of demo/corpus.yaml."""

    dialogues: Dialogues


def load_corpus(path: Path) -> Corpus:
    """Read demo/corpus.yaml; each video gets its people's voices and looks.

    Raises:
        UserError: a key is wrong, or a name is not defined.
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        for video in (*raw["videos"].values(), raw["studio"]):
            video["people"] = {name: raw["people"][name] for name in video["people"]}
        corpus = Corpus.model_validate(raw)
    except (KeyError, ValidationError) as error:
        raise UserError(f"{path}: {error}") from None
    _check(corpus, path)
    return corpus


def _check(corpus: Corpus, path: Path) -> None:
    for name, channel in corpus.channels.items():
        unknown = set(channel.videos) - set(corpus.videos)
        if unknown:
            raise UserError(f"{path}: channel {name} lists videos that are not defined: {sorted(unknown)}")
    for name, video in corpus.videos.items():
        speakers = {line.split(" ", 1)[0] for line in video.lines}
        if not speakers <= {str(i) for i in range(len(video.people))}:
            raise UserError(f"{path}: video {name} has lines of people it does not show: {sorted(speakers)}")
        if video.expected and video.expected.reason not in REASONS.get(video.expected.table, ()):
            raise UserError(f"{path}: video {name} expects {video.expected}, which no filter can decide")
