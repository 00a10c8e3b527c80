"""Measure: the words of each segment, from its own channel."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from nonverbal.media import SAMPLE_RATE, read_audio
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import read_rows
from nonverbal.shards import Rows, map_units
from nonverbal.speech.captions import Cue, read_cues
from nonverbal.speech.settings import Transcribe
from nonverbal.speech.transcribe import load_transcriber
from nonverbal.speech.transcript import Spoken, Transcript
from nonverbal.studio.recordings import recordings

Row = dict[str, Any]


def side_words(
    sides: Path, sounds: Path, side_turns: Path, download: Path, captions: Path, side_heard: Path, side_words: Path,
    settings: Transcribe, models: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Transcribe each segment of each recording.

    Args:
        sides: table of that name.
        sounds: folder of its sounds.
        side_turns: table of that name.
        download: table of that name.
        captions: the folder that its caption files lie in.
        side_heard: table to write, one row a segment.
        side_words: table to write, one row a word.
        settings: config section speech.transcribe.
        models: folders of the fetched models that its backend needs.
    """
    kept, turns = recordings(sides), read_rows(side_turns, "side_turns")
    videos = {row["video_id"]: row for row in read_rows(download, "download")}
    transcriber = load_transcriber(settings, models) if kept else None
    cues_of = lru_cache(maxsize=2)(read_cues)

    def one(clip_id: str) -> dict[str, Rows]:
        assert transcriber is not None
        video = videos[kept[clip_id]["video_id"]]
        cues: list[Cue] = cues_of(captions / video["captions"]) if video["captions"] else []
        segments = segments_of(turns, clip_id)
        spoken = spoken_segments(segments, kept[clip_id], sounds, video, share_cues(cues, segments))
        heard = [(segment, transcriber(one)) for segment, one in zip(segments, spoken, strict=True)]
        return {
            "side_heard": [heard_row(segment, found) for segment, found in heard],
            "side_words": [row for segment, found in heard for row in word_rows(segment, found)],
        }

    written = {row["captions"]: hash_path(captions / row["captions"]) for row in videos.values() if row["captions"]}
    key = [settings.model_dump(mode="json"), kept, turns, hash_path(sounds), written]
    map_units(kept, one, {"side_heard": side_heard, "side_words": side_words}, key, "side_words")


def segments_of(turns: list[Row], clip_id: str) -> list[Row]:
    """The segments of a recording, rows of table `side_turns`, by number."""
    rows = (row for row in turns if row["kept"] and row["clip_id"] == clip_id)
    return sorted(rows, key=lambda row: row["segment"])


def share_cues(cues: list[Cue], segments: list[Row]) -> dict[int, list[Cue]]:
    """The captions of each segment, by its number: a caption belongs to the segment that it overlaps most."""
    shared: dict[int, list[Cue]] = {row["segment"]: [] for row in segments}
    for cue in cues:
        overlaps = {row["segment"]: min(cue.end_s, row["end_s"]) - max(cue.start_s, row["start_s"]) for row in segments}
        best = max(overlaps, key=lambda number: overlaps[number], default=-1)
        if overlaps.get(best, 0) > 0:
            shared[best].append(cue)
    return shared


def spoken_segments(
    segments: list[Row], sides: Row, sounds: Path, video: Row, cues: dict[int, list[Cue]]
) -> list[Spoken]:
    """What a transcriber takes, of each segment: its channel's sound, and captions with times of the segment.

    Args:
        segments: rows of table `side_turns`.
        sides: the recording's row of table `sides`.
        sounds: folder of its sounds.
        video: the recording's row of table `download`.
        cues: captions by segment, times of the recording.
    """
    heard = {side: read_audio(sounds / sides[side]) for side in {row["side"] for row in segments}}
    return [
        Spoken(
            sound=heard[row["side"]][round(row["start_s"] * SAMPLE_RATE) : round(row["end_s"] * SAMPLE_RATE)],
            cues=[cue.shifted(row["start_s"]) for cue in cues[row["segment"]]],
            container_language=video["language"],
            caption_language=video["caption_language"],
        )
        for row in segments
    ]


def heard_row(segment: Row, found: Transcript) -> Row:
    """The row of table `side_heard`."""
    language = found.language
    return {
        **{name: segment[name] for name in ("clip_id", "side", "segment", "start_s", "end_s")},
        "asr": " ".join(word.word for word in found.words), "asr_flag": bool(found.words),
        "language": language.code, "language_score": language.score, "language_source": language.source,
        "words_source": found.words_source,
    }  # fmt: skip


def word_rows(segment: Row, found: Transcript) -> list[Row]:
    """Rows of table `side_words`, times of the recording."""
    return [
        {
            "clip_id": segment["clip_id"], "segment": segment["segment"], "word": word.word,
            "start_s": segment["start_s"] + word.start_s, "end_s": segment["start_s"] + word.end_s,
            "confidence": word.confidence, "interpolated": word.interpolated,
        }
        for word in found.words
    ]  # fmt: skip
