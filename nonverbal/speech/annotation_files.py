"""What annotators' programs read: RTTM, WebVTT, Praat's TextGrid, ELAN's EAF, each written by a maintained library."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pympi.Elan import Eaf

UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 has no way to say
EPOCH = "1970-01-01T00:00:00+00:00"  # EAF asks for a date; a real one would change the file at each run


class Span(NamedTuple):
    """What is said from start to end, milliseconds of the clip."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Speaker:
    """One person's speech: turns (when they are heard) and utterances (lists of words); no two of a kind overlap."""

    name: str
    turns: list[Span]
    utterances: list[list[Span]]

    def said(self) -> Iterator[Span]:
        """The utterances with their text."""
        for words in self.utterances:
            yield Span(" ".join(one_line(word.text) for word in words), words[0].start_ms, words[-1].end_ms)


@dataclass(frozen=True)
class Annotated:
    """A clip and what its speakers say."""

    clip_id: str
    length_ms: int
    speakers: list[Speaker]


def one_line(text: str) -> str:
    """Text on one line; a character that cannot be written, or an empty text, becomes U+FFFD."""
    return " ".join(UNWRITABLE.sub("\ufffd", text).split()) or "\ufffd"


def write_rttm(path: Path, clip: Annotated) -> None:
    """Who is heard when (NIST RTTM); a clip without turns gives an empty file."""
    from pyannote.core import Annotation, Segment

    heard = Annotation(uri=clip.clip_id)
    for speaker in clip.speakers:
        for turn in speaker.turns:
            heard[Segment(turn.start_ms / 1000, turn.end_ms / 1000), speaker.name] = speaker.name
    path.write_text(heard.to_rttm(), encoding="utf-8")


def write_vtt(path: Path, clip: Annotated) -> None:
    """A cue an utterance, its speaker as voice, the start of each further word as time stamp inside (W3C WebVTT)."""
    from webvtt import Caption, WebVTT

    def stamp(milliseconds: int) -> str:
        minutes, rest = divmod(milliseconds, 60_000)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"

    cues = []
    for speaker in clip.speakers:
        for words in speaker.utterances:
            first, *others = [html.escape(one_line(word.text), quote=False) for word in words]
            timed = [f" <{stamp(word.start_ms)}>{text}" for word, text in zip(words[1:], others, strict=True)]
            text = f"<v {speaker.name}>{first}{''.join(timed)}</v>"
            cues.append(Caption(stamp(words[0].start_ms), stamp(words[-1].end_ms), text))
    captions = WebVTT()
    captions.captions.extend(sorted(cues, key=lambda cue: (cue.start, cue.end)))
    path.write_text(captions.content.rstrip("\n") + "\n", encoding="utf-8")


def write_textgrid(path: Path, clip: Annotated) -> None:
    """Interval tiers of each speaker (Praat, long text format): NAME turns, NAME utterances, NAME words."""
    from praatio.data_classes.interval_tier import IntervalTier
    from praatio.textgrid import Textgrid

    grid = Textgrid(0, clip.length_ms / 1000)
    for speaker in clip.speakers:
        tiers = {
            "turns": speaker.turns,
            "utterances": list(speaker.said()),
            "words": [word for words in speaker.utterances for word in words],
        }
        for kind, own in tiers.items():
            entries = [(span.start_ms / 1000, span.end_ms / 1000, one_line(span.text)) for span in own]
            grid.addTier(IntervalTier(f"{speaker.name} {kind}", entries, 0, clip.length_ms / 1000))
    grid.save(str(path), format="long_textgrid", includeBlankSpaces=True)


def write_eaf(path: Path, clip: Annotated, media: list[str]) -> None:
    """Tiers of each speaker (ELAN): NAME turns, NAME, and under it NAME words, whose annotations lie in utterances.

    Args:
        path: file to write.
        clip: what is said.
        media: paths of the video and the sound, relative to where the file will lie.
    """
    from pympi.Elan import Eaf

    eaf = Eaf(author="nonverbal")
    eaf.adocument["DATE"] = EPOCH
    eaf.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    for file, kind in zip(media, ("video/mp4", "audio/x-wav"), strict=True):
        eaf.add_linked_file(file, relpath=file, mimetype=kind)
    eaf.add_linguistic_type("words", constraints="Included_In")
    for speaker in clip.speakers:
        name = speaker.name
        eaf.add_tier(f"{name} turns", part=name)
        eaf.add_tier(name, part=name)
        eaf.add_tier(f"{name} words", ling="words", parent=name, part=name)
        for tier, own in ((f"{name} turns", speaker.turns), (name, speaker.said())):
            for span in own:
                eaf.add_annotation(tier, span.start_ms, span.end_ms, span.text)
        for word in (word for words in speaker.utterances for word in words):
            eaf.add_annotation(f"{name} words", word.start_ms, word.end_ms, one_line(word.text))
    eaf.remove_tier("default")
    _order_time_slots(eaf)
    eaf.to_file(str(path))


def _order_time_slots(eaf: "Eaf") -> None:
    """Number the time slots in order of time, as the format asks; pympi numbers them as they come."""
    slots = sorted(eaf.timeslots, key=lambda slot: (eaf.timeslots[slot], int(slot[2:])))
    names = {slot: f"ts{number}" for number, slot in enumerate(slots, start=1)}
    eaf.timeslots = {names[slot]: eaf.timeslots[slot] for slot in slots}
    for own, *_ in eaf.tiers.values():
        for key, (start, end, text, drawing) in own.items():
            own[key] = (names[start], names[end], text, drawing)
