"""F4 and P2 measure: language and words with times of each clip (paper: WhisperX)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd

from nonverbal.media import Recording
from nonverbal.models import fetched
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import read_table
from nonverbal.shards import Rows, map_units
from nonverbal.speech.captions import Cue, cues_within, read_cues
from nonverbal.speech.given import given
from nonverbal.speech.hub_packages import prepare
from nonverbal.speech.settings import Transcribe
from nonverbal.speech.transcript import Spoken, Transcriber, Transcript


def transcribe(
    clips: Path, media: Path, download: Path, captions: Path, transcript: Path, languages: Path, settings: Transcribe,
    studio: Sequence[Path] = (), models: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Transcribe every kept clip of a shard.

    Args:
        clips: table clips.
        media: the folder that its audio lies in.
        download: table download.
        captions: the folder that its caption files lie in.
        transcript: table transcript, to write.
        languages: table languages, to write; one row a clip.
        settings: config section speech.transcribe.
        studio: tables transcript and languages of clips that are taken as they are, or nothing.
        models: folders of the fetched models that its backend needs.
    """
    table = read_table(clips, "clips")
    videos = read_table(download, "download")
    kept = _by_id(table[table["kept"]], "clip_id")
    by_id = _by_id(videos, "video_id")
    known = given(studio, ("transcript", "languages"))
    transcriber = load_transcriber(settings, models) if set(kept) - set(known) else None
    cues_of = lru_cache(maxsize=2)(read_cues)

    def one(clip_id: str) -> Mapping[str, Rows]:
        if clip_id in known:
            return known[clip_id]
        assert transcriber is not None
        clip = kept[clip_id]
        video = by_id[clip["video_id"]]
        cues: list[Cue] = cues_of(captions / video["captions"]) if video["captions"] else []
        found = transcriber(
            Spoken(
                sound=Recording(media / clip["audio"]),
                cues=cues_within(cues, clip["start_s"], clip["end_s"], settings.longest_lateness_s),
                container_language=video["language"],
                caption_language=video["caption_language"],
            )
        )
        return {"transcript": word_rows(clip_id, found), "languages": [language_row(clip_id, found)]}

    written = {name: hash_path(captions / name) for name in videos["captions"] if name}
    key = [settings.model_dump(mode="json"), kept, by_id, written, list(map(hash_path, studio))]
    map_units(kept, one, {"transcript": transcript, "languages": languages}, key, "transcribe")


def _by_id(table: pd.DataFrame, column: str) -> dict[str, dict]:
    return {row[column]: row for row in table.to_dict("records")}


def word_rows(clip_id: str, found: Transcript) -> list[dict]:
    """Rows of table transcript."""
    return [
        {
            "clip_id": clip_id, "word_index": index, "word": word.word, "start_s": word.start_s, "end_s": word.end_s,
            "confidence": word.confidence, "interpolated": word.interpolated,
        }
        for index, word in enumerate(found.words)
    ]  # fmt: skip


def language_row(clip_id: str, found: Transcript) -> dict:
    """The row of table languages."""
    language = found.language
    return {
        "clip_id": clip_id, "language": language.code, "score": language.score, "source": language.source,
        "words": len(found.words), "words_source": found.words_source,
    }  # fmt: skip


def load_transcriber(settings: Transcribe, models: Iterable[Path] = ()) -> Transcriber:
    """The transcriber that `settings.backend` names; its networks are loaded here or when first needed, once.

    Raises:
        UserError: its packages or models are not there.
    """
    match settings.backend:
        case "embedded":
            from nonverbal.speech.embedded_transcriber import EmbeddedTranscriber

            return EmbeddedTranscriber(settings)
        case "whisperx":
            prepare("faster_whisper", "speech.transcribe.backend")  # whisperx itself is there for the model inside it
            from nonverbal.speech.whisperx_transcriber import WhisperXTranscriber

            return WhisperXTranscriber(settings.whisperx, fetched(models))
