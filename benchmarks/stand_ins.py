"""Stand-ins of the rules that look at media: they write those rules' tables, valid by the schema, for made videos.

What is decided and counted is the project's own: stand-ins write scores, and the `keep_*` rules drop by them. How many
videos the paper's filters dropped is published nowhere. Here a third of the listed videos is dropped, evenly over every
reason of every filter, and every second kept video loses a clip beside its rest; what is left are the paper's numbers.
Left out: media files and annotators' files (empty folders), words and frames (one an utterance), contents of records.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nonverbal.collect import channels as listing
from nonverbal.collect.sources import Source
from nonverbal.cues.smooth import GROUPS
from nonverbal.errors import Drop
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, FPS
from nonverbal.schema import REASONS, TABLES, kept_ids, read_arrow, read_rows, write_table

Row = dict[str, Any]
# Every reason of each filter but those of studio recordings and of a channel's limit.
MADE = {
    "channels": "duplicate before_first_date after_last_date",
    "keep_people": "no_people no_thumbnail",
    "download": "not_found unavailable not_media truncated no_video_stream no_audio_stream",
    "clips": "too_short undecodable",
    "keep_two_speakers": "silent no_speech one_speaker more_than_two_speakers speech_overlaps",
    "keep_language": "other_language language_undetermined no_words",
    "keep_visible": "nobody_visible speakers_not_visible",
    "keep_safe": "harmful",
}
DROPS = [(name, reason) for name, reasons in MADE.items() for reason in reasons.split()]
OF_CLIPS = [reason for name, reason in DROPS if name in ("keep_two_speakers", "keep_language", "keep_visible")]
SKIP_S, CLIP_S, REST_S, TURN_S, GAP_S = 60.0, 600.0, 30.0, 40.0, 5.0
KEPT = {"kept": True, "reason": "", "detail": "made"}


def portion(number: int, part: int, whole: int) -> int:
    """The share of one of `whole` things in `part`, evenly: the shares of all sum to `part`."""
    return (number + 1) * part // whole - number * part // whole


@dataclass(frozen=True)
class World:
    """What there is to collect.

    Attributes:
        videos, clips, turns, channels: of the dataset that is left of it (paper's table 2).
        more: videos of the dataset that were uploaded since.
    """

    videos: int = 27_128
    clips: int = 89_459
    turns: int = 1_114_328
    channels: int = 869
    more: int = 0

    @classmethod
    def of(cls, videos: int) -> "World":
        """The paper's, in small or large."""
        whole = cls()
        scaled = {
            name: max(1, getattr(whole, name) * videos // whole.videos) for name in ("clips", "turns", "channels")
        }
        return replace(whole, videos=videos, **scaled)

    @property
    def listed(self) -> int:
        """Videos that the channels list."""
        return -(-3 * (self.videos + self.more) // 2)

    def fate(self, number: int) -> tuple[str, str]:
        """The filter that drops a video, and its reason; nothing where some of its clips are kept."""
        return ("", "") if portion(number, 2, 3) else DROPS[(number - number * 2 // 3) % len(DROPS)]

    def clip_fates(self, number: int) -> list[str]:
        """For each clip of a video why it is dropped, "" where it is kept; the last is the rest of the video."""
        name, reason = self.fate(number)
        if name:
            return [*([reason] * 3 if reason != "too_short" else []), "too_short"]
        rank = number * 2 // 3
        lost = [OF_CLIPS[rank // 2 % len(OF_CLIPS)]] if rank % 2 == 0 else []
        return [""] * portion(rank, self.clips, self.videos) + lost + ["too_short"]

    def clip_turns(self, number: int, segment: int) -> int:
        """Utterances of a clip."""
        if self.fate(number)[0] or self.clip_fates(number)[segment]:
            return 2
        return portion(number * 2 // 3 * self.clips // self.videos + segment, self.turns, self.clips)


WORLD = World()


def video_number(video_id: str) -> int:
    return int(video_id[3:])


def clip_fate(clip_id: str) -> str:
    return WORLD.clip_fates(video_number(clip_id[:11]))[int(clip_id[12:])]


def columns(name: str, **values: Any) -> pa.Table:
    """A table of the schema from arrays, lists and constants, by column."""
    length = max(len(value) for value in values.values() if isinstance(value, list | np.ndarray | pa.Array))
    arrays = [
        value if isinstance(value, pa.Array)
        else pa.array(value if isinstance(value, list | np.ndarray) else [value] * length, type=field.type)
        for field in TABLES[name] for value in [values[field.name]]
    ]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=TABLES[name])


def blank(name: str) -> Row:
    """A row of a table with nothing in it."""
    return {field.name: "" if field.type == pa.string() else 0 for field in TABLES[name]}


def of_utterances(clip_ids: Iterable[str]) -> dict[str, np.ndarray]:
    """Columns clip_id, utterance_id, speaker, start_s, end_s of all utterances of some clips."""
    clips = np.array(list(clip_ids), dtype=object)
    counts = np.array([WORLD.clip_turns(video_number(one[:11]), int(one[12:])) for one in clips], dtype=int)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    start = number * (TURN_S + GAP_S)
    named = {"clip_id": np.repeat(clips, counts), "utterance_id": number}
    return named | {"speaker": number % 2, "start_s": start, "end_s": start + TURN_S}


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


def zeros(rows: int, length: int) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows * length, np.float32)), length)


# Collect --------------------------------------------------------------------------------------------------------------


def source_rows() -> Iterable[tuple[str, str]]:
    """Channel and address of each source; the last two list nothing."""
    for number in range(WORLD.channels + 2):
        yield f"channel{number:05d}", f"https://example.org/channel/{number}"


def listed(source: Source, network: object) -> list[Row]:
    """What a channel lists, as nonverbal.collect.channels asks a site for it."""
    channel = int(source.url.rsplit("/", 1)[1])
    if channel == WORLD.channels:
        raise Drop("not_found", "HTTP 404")
    if channel > WORLD.channels:
        return []
    return [entry(number, source.channel_id) for number in range(channel, WORLD.listed, WORLD.channels)]


def entry(number: int, channel_id: str) -> Row:
    _, reason = WORLD.fate(number)
    year = {"before_first_date": 2010, "after_last_date": 2025}.get(reason, 2020)
    video_id = f"sim{number + (reason == 'duplicate'):08d}"  # the next video is kept
    return {
        "video_id": video_id, "channel_id": channel_id, "url": f"https://example.org/watch/{number}",
        "title": f"video {number}", "uploaded": f"{year}-01-01", "duration_s": None, "thumbnail_url": "",
    }  # fmt: skip


listing._remote = listed


def thumbnails(videos: Path, thumbnails: Path, **_: object) -> None:
    fates = {row["video_id"]: WORLD.fate(video_number(row["video_id"]))[1] for row in read_rows(videos, "channels")}
    rows = [
        {"video_id": video_id, "people": int(fate != "no_people"), "best_score": 0.9,
         "error": "HTTP 404" if fate == "no_thumbnail" else ""}
        for video_id, fate in fates.items()
    ]  # fmt: skip
    write_table(thumbnails, "thumbnails", rows)


def download(videos: Path, people: Path, download: Path, media: Path, **_: object) -> None:
    channel_of = {row["video_id"]: row["channel_id"] for row in read_rows(videos, "channels")}
    media.mkdir(parents=True, exist_ok=True)
    rows = []
    for video_id in kept_ids(people, "keep_people"):
        number = video_number(video_id)
        name, reason = WORLD.fate(number)
        dropped = {"kept": False, "reason": reason, "detail": "made"} if name == "download" else KEPT
        rows.append(blank("download") | {
            "video_id": video_id, "channel_id": channel_of[video_id], "title": f"video {number}",
            "path": f"{video_id}.mp4", "duration_s": SKIP_S + CLIP_S * (len(WORLD.clip_fates(number)) - 1) + REST_S,
            "width": 1280, "height": 720, "fps": 25.0, "language": "en", **dropped,
        })  # fmt: skip
    write_table(download, "download", rows)


def clips(download: Path, clips: Path, media: Path, **_: object) -> None:
    media.mkdir(parents=True, exist_ok=True)
    rows = [
        clip(video, segment, fate)
        for video in read_rows(download, "download") if video["kept"]
        for segment, fate in enumerate(WORLD.clip_fates(video_number(video["video_id"])))
    ]  # fmt: skip
    write_table(clips, "clips", rows)


def clip(video: Row, segment: int, fate: str) -> Row:
    start, clip_id = SKIP_S + CLIP_S * segment, f"{video['video_id']}_{segment:03d}"
    dropped = {"kept": False, "reason": fate, "detail": "made"} if fate in REASONS["clips"] else KEPT
    return {
        "clip_id": clip_id, "video_id": video["video_id"], "channel_id": video["channel_id"], "segment_id": segment,
        "start_s": start, "end_s": start + (REST_S if fate == "too_short" else CLIP_S), "frames": int(CLIP_S * FPS),
        "width": 1280, "height": 720, "video": f"{clip_id}.mp4", "audio": f"{clip_id}.wav",
        "loudness_dbfs": -90.0 if fate == "silent" else -20.0, **dropped,
    }  # fmt: skip


# Speech ---------------------------------------------------------------------------------------------------------------


def people(clips: Path, people: Path, **_: object) -> None:
    units = kept_ids(clips, "clips")
    write_table(people, "people", [{"clip_id": one, "pictures": 60, "at_once": 2, "persons": 2} for one in units])


def diarize(clips: Path, turns: Path, speakers: Path, **_: object) -> None:
    units = kept_ids(clips, "clips")
    write_table(turns, "turns", columns("turns", **without(of_utterances(units), "utterance_id")))
    write_table(speakers, "speakers", [heard(clip_id, clip_fate(clip_id)) for clip_id in units])


def heard(clip_id: str, fate: str) -> Row:
    more, alone, none = (fate == name for name in ("more_than_two_speakers", "one_speaker", "no_speech"))
    return {
        "clip_id": clip_id, "people": 2, "speakers": 0 if none else 3 if more else 2,
        "speech_s": 0.0 if none else 500.0, "overlap_s": 400.0 if fate == "speech_overlaps" else 0.0,
        "second_share": 0.0 if alone else 0.4, "second_turn_s": 0.0 if alone else 20.0,
        "rest_share": 0.2 if more else 0.0, "rest_turn_s": 20.0 if more else 0.0,
    }  # fmt: skip


def transcribe(clips: Path, transcript: Path, languages: Path, **_: object) -> None:
    units = kept_ids(clips, "clips")
    said = without(of_utterances(units), "speaker")
    word = {"word_index": said.pop("utterance_id"), "word": "yes", "confidence": 1.0, "interpolated": False}
    write_table(transcript, "transcript", columns("transcript", **said, **word))
    write_table(languages, "languages", [language(clip_id, clip_fate(clip_id)) for clip_id in units])


def language(clip_id: str, fate: str) -> Row:
    name = {"other_language": "de", "language_undetermined": ""}.get(fate, "en")
    words = 0 if fate == "no_words" else 100
    source = {"source": "captions" if name else "none", "words": words, "words_source": "captions_aligned"}
    return {"clip_id": clip_id, "language": name, "score": 0.99, **source}


def utterances(keep_language: Path, words: Path, utterances: Path, **_: object) -> None:
    said = of_utterances(kept_ids(keep_language, "keep_language"))
    word = {"word_index": said["utterance_id"], "word": "Yes.", "interpolated": False}
    write_table(words, "words", columns("words", **said, **word))
    write_table(utterances, "utterances", columns("utterances", **said, text="Yes.", words=1))


def annotations(annotations: Path, **_: object) -> None:
    annotations.mkdir(parents=True, exist_ok=True)


def sentiment(words: Path, sentiment: Path, **_: object) -> None:
    said = {
        name: read_arrow(words, "words")[name].to_numpy() for name in ("clip_id", "utterance_id", "start_s", "end_s")
    }
    scores = {"negative": np.nan, "neutral": np.nan, "positive": np.nan, "valence": 0.4}
    rest = {"sentence": 0, "text": "Yes.", "backend": "vader", **scores}
    write_table(sentiment, "sentiment", columns("sentiment", **said, **rest))


# Speakers and cues ----------------------------------------------------------------------------------------------------

BOXES = {f"{what}_{end}": 0.0 for what in ("face", "person") for end in ("x0", "y0", "x1", "y1")}


def seen_clips(keep_language: Path) -> list[str]:
    return [one for one in kept_ids(keep_language, "keep_language") if clip_fate(one) != "nobody_visible"]


def tracks(keep_language: Path, tracks: Path, **_: object) -> None:
    face = {"shot": 0, "camera": 0, "track_id": 0, "frame": 0, "score": 1.0, "mouth_open": 0.0, "facing": 0.0}
    write_table(
        tracks, "tracks", columns("tracks", clip_id=seen_clips(keep_language), **face, **BOXES, descriptor=None)
    )


def active_speaker(keep_language: Path, active_speaker: Path, visibility: Path, **_: object) -> None:
    score = {"track_id": 0, "frame": 0, "score": 1.0, "person": 0, "face": 1.0, "speaker": 0, "confidence": 1.0}
    seen = columns("active_speaker", clip_id=seen_clips(keep_language), **score)
    write_table(active_speaker, "active_speaker", seen)
    rows = [visible(one, clip_fate(one)) for one in kept_ids(keep_language, "keep_language")]
    write_table(visibility, "visibility", rows)


def visible(clip_id: str, fate: str) -> Row:
    return {
        "clip_id": clip_id, "words": 100, "speaking_frames": 0 if fate in REASONS["keep_visible"] else 9000,
        "frames": 15_000, "tracks": int(fate != "nobody_visible"), "speakers_seen": 2, "disagreement": 0.0,
        "confidence": 1.0,
    }  # fmt: skip


def crops(keep_visible: Path, crops: Path, **_: object) -> None:
    box = {"frame": first_frames(keep_visible), "track_id": 0, "score": 1.0} | BOXES
    write_table(crops, "crops", columns("crops", **shown(keep_visible), **box))


def shown(keep_visible: Path) -> dict[str, np.ndarray]:
    return without(of_utterances(kept_ids(keep_visible, "keep_visible")), "start_s", "end_s")


def first_frames(keep_visible: Path) -> np.ndarray:
    return (of_utterances(kept_ids(keep_visible, "keep_visible"))["start_s"] * FPS).astype(int)


def cues(keep_visible: Path, length: int, name: str, path: Path) -> None:
    frames = first_frames(keep_visible)
    cue = {"frame": frames, "valid": True, "reason": "", "confidence": 1.0, "features": zeros(len(frames), length)}
    write_table(path, name, columns(name, **shown(keep_visible), **cue))


def face(keep_visible: Path, face: Path, **_: object) -> None:
    cues(keep_visible, FACE_FEATURES, "face", face)


def body(keep_visible: Path, body: Path, **_: object) -> None:
    cues(keep_visible, BODY_FEATURES, "body", body)


def smooth(
    keep_visible: Path, raw_face: Path, raw_body: Path, face: Path, body: Path, quality: Path, **_: object
) -> None:
    write_table(face, "face", read_arrow(raw_face, "face"))
    write_table(body, "body", read_arrow(raw_body, "body"))
    said = without(shown(keep_visible), "speaker")
    jitter = {f"jitter_{name}": 0.01 for name in ("raw", "published", "adaptive")}
    rest = {"frames": 547, "known": 1.0, "confidence": 1.0} | jitter
    groups = [(part, group) for part in GROUPS for group in GROUPS[part]]
    tables = [columns("quality", **said, part=part, group=group, **rest) for part, group in groups]
    write_table(quality, "quality", pa.concat_tables(tables))


# Dataset --------------------------------------------------------------------------------------------------------------


def safety(keep_visible: Path, safety: Path, **_: object) -> None:
    said = without(of_utterances(kept_ids(keep_visible, "keep_visible")), "speaker")
    harmful = np.array([fate_of(one) == "harmful" for one in said["clip_id"]], dtype=bool)
    scores = {"harmful": harmful, "score": harmful.astype(float), "backend": "made"}
    write_table(safety, "safety", columns("safety", **said, **scores))


@cache
def fate_of(clip_id: str) -> str:
    return clip_fate(clip_id)


def records(clips: Path, split: Path, train: Path, validation: Path, test: Path, **_: object) -> None:
    split_of = {row["clip_id"]: row["split"] for row in read_rows(split, "split")}
    kept = [row for row in read_rows(clips, "clips") if row["clip_id"] in split_of]
    for name, path in {"train": train, "validation": validation, "test": test}.items():
        write_table(path, "records", [record(row) for row in kept if split_of[row["clip_id"]] == name])


def record(row: Row) -> Row:
    empty = {
        field.name: {inner.name: [] for inner in field.type} for field in TABLES["records"]
        if pa.types.is_struct(field.type)
    }  # fmt: skip
    named = {name: row[name] for name in ("channel_id", "video_id", "segment_id")}
    return named | {"duration": "00:01:00 ~ 00:11:00", "fps": FPS, "harmful_utterance_id": []} | empty


STAND_INS: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        thumbnails, download, clips, people, diarize, transcribe, utterances, annotations, sentiment, tracks,
        active_speaker, crops, face, body, smooth, safety, records,
    )
}  # fmt: skip
