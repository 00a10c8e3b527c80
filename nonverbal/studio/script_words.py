"""Measure: the final words of each recording; where the line is known, they are the script's, aligned to the sound."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import read_rows
from nonverbal.shards import Rows, map_units
from nonverbal.speech.align import Align, align_cues, interpolate, within
from nonverbal.speech.captions import Cue
from nonverbal.speech.embedded_transcriber import MODEL_LANGUAGE
from nonverbal.speech.language import Language, identify
from nonverbal.speech.pocketsphinx_words import Aligner
from nonverbal.speech.settings import Transcribe
from nonverbal.speech.transcript import Spoken, Transcript
from nonverbal.studio.recordings import recordings
from nonverbal.studio.script import spoken_words
from nonverbal.studio.settings import ScriptWords
from nonverbal.studio.side_words import heard_row, segments_of, spoken_segments, word_rows

Row = dict[str, Any]


def script_words(
    sides: Path, sounds: Path, side_turns: Path, side_heard: Path, side_words: Path, script_lines: Path,
    download: Path, transcript: Path, languages: Path, settings: ScriptWords, transcribe: Transcribe,
) -> None:  # fmt: skip
    """Write words and language of each recording as rule `transcribe` writes them.

    Args:
        sides, side_turns, side_heard, side_words, script_lines, download: tables of those names.
        sounds: folder of the channels.
        transcript: table to write.
        languages: table to write, one row a recording.
        settings: whether the script's words are taken.
        transcribe: config section speech.transcribe; of it, how captions are aligned.
    """
    kept, turns = recordings(sides), read_rows(side_turns, "side_turns")
    heard, words = read_rows(side_heard, "side_heard"), read_rows(side_words, "side_words")
    lines = read_rows(script_lines, "script_lines")
    videos = {row["video_id"]: row for row in read_rows(download, "download")}
    aligner = Aligner()

    def one(clip_id: str) -> dict[str, Rows]:
        sources, said, matched = (_of(rows, clip_id) for rows in (heard, words, lines))
        texts: dict[int, str] = {row["segment"]: row["text"] for row in matched if row["kept"]}
        if settings.align and texts:
            video = videos[kept[clip_id]["video_id"]]
            segments = [row for row in segments_of(turns, clip_id) if row["segment"] in texts]
            spoken = spoken_segments(segments, kept[clip_id], sounds, video, {one: [] for one in texts})
            found = read_out(segments, spoken, texts, aligner, transcribe)
            sources = [row for row in sources if row["segment"] not in texts] + [heard_row(*pair) for pair in found]
            said = [row for row in said if row["segment"] not in texts]
            said += [row for pair in found for row in word_rows(*pair)]
        return {"transcript": transcript_rows(clip_id, said), "languages": [language_row(clip_id, sources, said)]}

    inputs = [kept, turns, heard, words, lines, hash_path(sounds)]
    key = [settings.model_dump(), transcribe.model_dump(mode="json"), inputs]
    map_units(kept, one, {"transcript": transcript, "languages": languages}, key, "script_words")


def read_out(
    segments: list[Row], spoken: list[Spoken], texts: dict[int, str], aligner: Aligner, settings: Transcribe
) -> list[tuple[Row, Transcript]]:
    """Each segment with its line's words, aligned as a caption that lasts as long as the segment would be.

    A single line is too short to tell its language: all lines together do.

    Args:
        segments: rows of table `side_turns`.
        spoken: their sounds.
        texts: line by number of segment.
        aligner: puts times on known English words; other languages' words are spread over the segment.
        settings: how captions are aligned.
    """
    words = {number: spoken_words(text) for number, text in texts.items()}
    all_words = [word for one in words.values() for word in one]
    language = identify(spoken[0].container_language, "", all_words, settings)
    told = replace(language, source="script" if language.source == "captions_text" else language.source)
    align = aligner.align if language.code == MODEL_LANGUAGE else None
    return [
        (segment, _read_line(sound, words[segment["segment"]], align, told, settings))
        for segment, sound in zip(segments, spoken, strict=True)
    ]


def _read_line(
    sound: Spoken, words: tuple[str, ...], align: Align | None, language: Language, settings: Transcribe
) -> Transcript:
    cue = Cue(0.0, sound.length_s, words)
    if align is None:
        return Transcript(within(interpolate(cue), sound.length_s), "script_interpolated", language)
    return Transcript(align_cues(sound.samples, [cue], align, settings), "script_aligned", language)


def transcript_rows(clip_id: str, said: list[Row]) -> list[Row]:
    """Rows of table `transcript`: the words of both sides in order of start."""
    names = ("word", "start_s", "end_s", "confidence", "interpolated")
    ordered = sorted(said, key=lambda row: (row["start_s"], row["end_s"]))
    return [
        {"clip_id": clip_id, "word_index": index, **{name: row[name] for name in names}}
        for index, row in enumerate(ordered)
    ]


def language_row(clip_id: str, segments: list[Row], said: list[Row]) -> Row:
    """The row of table `languages`: what most words' segments say.

    Args:
        clip_id: of the recording.
        segments: rows of table `side_heard`.
        said: rows of table `side_words`.
    """
    words = Counter(row["segment"] for row in said)
    names = ("language", "language_score", "language_source")
    votes: Counter[tuple] = Counter()
    origins: Counter[str] = Counter()
    for row in segments:
        votes[tuple(row[name] for name in names)] += words[row["segment"]]
        origins[row["words_source"]] += words[row["segment"]]
    named = {vote: count for vote, count in votes.items() if vote[0]}
    code, score, source = max(named, key=lambda vote: named[vote], default=("", 0.0, "none"))
    origin = "+".join(name for name, count in origins.most_common() if count) or "none"
    return {
        "clip_id": clip_id, "language": code, "score": score, "source": source, "words": len(said),
        "words_source": origin,
    }  # fmt: skip


def _of(rows: list[Row], clip_id: str) -> list[Row]:
    return [row for row in rows if row["clip_id"] == clip_id]
