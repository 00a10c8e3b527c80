"""When everything is said in a video, and which camera shows it."""

from dataclasses import dataclass

import numpy as np

from nonverbal.demo.motion import Part
from nonverbal.demo.settings import Video
from nonverbal.demo.voice import Mark, speak
from nonverbal.errors import UserError
from nonverbal.layouts import FPS
from nonverbal.media import SAMPLE_RATE

FIRST_S, GAP_S, LAST_S = 0.3, (0.15, 0.40), 0.1  # before the first turn, between turns, after the last
SHOT_S = (2.5, 4.5)
SHOTS = {"speaker": 0.5, "wide": 0.37, "listener": 0.13}  # how often each kind of shot comes


@dataclass(frozen=True)
class Turn:
    """What one person says without a break: seconds in the video, the person's number, and each word's times."""

    person: int
    start_s: float
    end_s: float
    text: str
    words: list[Mark]
    phonemes: list[Mark]


@dataclass(frozen=True)
class Timeline:
    """A video's script in time.

    Attributes:
        turns: in order of time, never two at once.
        channels: what each person says, 16 kHz [people, samples].
        frames: length of the picture.
    """

    turns: list[Turn]
    channels: np.ndarray
    frames: int

    @property
    def samples(self) -> np.ndarray:
        """The sound of all, 16 kHz mono [samples]."""
        return self.channels.sum(axis=0)

    def part(self, person: int) -> Part:
        """One person's share."""
        own = [turn for turn in self.turns if turn.person == person]
        return Part(
            turns=[(turn.start_s, turn.end_s) for turn in own],
            words=[mark for turn in own for mark in turn.words],
            phonemes=[mark for turn in own for mark in turn.phonemes],
        )

    def partner(self, person: int) -> Part:
        """What all others say."""
        others = [self.part(other) for other in sorted({turn.person for turn in self.turns} - {person})]
        return Part(
            turns=sorted(turn for part in others for turn in part.turns),
            words=[mark for part in others for mark in part.words],
            phonemes=[],
        )


def make_timeline(video: Video, generator: np.random.Generator) -> Timeline:
    """Speak the script's lines one after another until the video is full; lines left over are not said.

    Raises:
        UserError: not even the first line fits.
    """
    voices = [person.voice for person in video.people.values()]
    channels = np.zeros((len(voices), round(video.length_s * SAMPLE_RATE)), np.float32)
    turns, now = [], FIRST_S
    for line in video.lines:
        number, text = line.split(" ", 1)
        speech = speak(text, voices[int(number)])
        length = speech.words[-1].end_s
        if now + length > video.length_s - LAST_S:
            break
        start = round(now * SAMPLE_RATE)
        sound = speech.samples[: channels.shape[1] - start]
        channels[int(number), start : start + len(sound)] += 0.5 * sound / max(float(np.abs(sound).max()), 1e-6)
        words, phonemes = (_moved(marks, now) for marks in (speech.words, speech.phonemes))
        turns.append(Turn(int(number), words[0].start_s, words[-1].end_s, text, words, phonemes))
        now += length + generator.uniform(*GAP_S)
    if not turns:
        raise UserError(f"demo/corpus.yaml: the first line of {video.title!r} does not fit into {video.length_s} s")
    return Timeline(turns, channels if video.sound else np.zeros_like(channels), round(video.length_s * FPS))


def _moved(marks: list[Mark], by_s: float) -> list[Mark]:
    return [Mark(mark.text, mark.start_s + by_s, mark.end_s + by_s) for mark in marks]


def cut_shots(timeline: Timeline, people: int, generator: np.random.Generator) -> list[str]:
    """The name of the shot of each frame, a key of `studio.cameras`: wide first, then cuts every few seconds."""
    shots = ["wide"] * round(generator.uniform(*SHOT_S) * FPS)
    while len(shots) < timeline.frames:
        length_s = generator.uniform(*SHOT_S)
        speaker = _speaker_within(timeline, len(shots) / FPS, len(shots) / FPS + length_s)
        choices = {"wide": "wide", "speaker": f"single{speaker}", "listener": f"single{(speaker + 1) % people}"}
        open_kinds = [kind for kind in SHOTS if choices[kind] != shots[-1]]
        weights = np.array([SHOTS[kind] for kind in open_kinds])
        shots += [choices[str(generator.choice(open_kinds, p=weights / weights.sum()))]] * round(length_s * FPS)
    return shots[: timeline.frames]


def _speaker_within(timeline: Timeline, start_s: float, end_s: float) -> int:
    """Who speaks most in a stretch of time; the first who ever speaks where nobody does."""
    spoken: dict[int, float] = {}
    for turn in timeline.turns:
        overlap = min(turn.end_s, end_s) - max(turn.start_s, start_s)
        spoken[turn.person] = spoken.get(turn.person, 0.0) + max(0.0, overlap)
    return max(spoken, key=lambda person: spoken[person])
