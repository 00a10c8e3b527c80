"""Every table that passes between rules: columns, types, units; checked on write and on read.

Times are seconds and frames are numbers at 25 a second, both relative to the clip; boxes are pixels of the clip.
A table with `kept` and `reason` has one row a unit: `reason` is empty where `kept` is true, a word of the
table's REASONS where it is false, and `detail` says in a sentence how it was decided.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.errors import UserError
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES

ROW_GROUP = 50_000  # rows; a job that reads one clip of a large table unpacks little else

TEXT, INT, FLOAT, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
BOX = [("x0", pa.float32()), ("y0", pa.float32()), ("x1", pa.float32()), ("y1", pa.float32())]
DECISION = [("kept", BOOL), ("reason", TEXT), ("detail", TEXT)]
UTTERANCE = [("clip_id", TEXT), ("utterance_id", INT)]


def vector(length: int) -> pa.DataType:
    """A fixed-size list of float32."""
    return pa.list_(pa.float32(), length)


def lists(**columns: pa.DataType) -> pa.DataType:
    """A nested field of the dataset: a struct of lists of one length, as `datasets` reads a dict of lists."""
    return pa.struct([(name, pa.list_(kind)) for name, kind in columns.items()])


# Why a frame's cues are not valid: nothing was found, or what was found is not to be trusted; "" where they are.
CUE_REASONS = ("", "not_found", "unsure")


def cue_columns(features: int) -> list[tuple[str, pa.DataType]]:
    """One row a visible frame of an utterance; unknown numbers are NaN, never zero; reason: of CUE_REASONS."""
    return [
        *UTTERANCE, ("speaker", INT), ("frame", INT), ("valid", BOOL), ("reason", TEXT), ("confidence", pa.float32()),
        ("features", vector(features)),
    ]  # fmt: skip


def named(value: str) -> pa.DataType:
    """A list of (name, value) texts."""
    return pa.list_(pa.struct([("name", TEXT), (value, TEXT)]))


TABLES: dict[str, pa.Schema] = {
    name: pa.schema(columns)
    for name, columns in {
        # collect
        "sources": [
            ("source", TEXT), ("channel_id", TEXT), ("url", TEXT), ("entries", INT), *DECISION,
        ],  # one row a listed source; source: the config's word for it; entries: videos it lists
        "channels": [
            ("video_id", TEXT), ("channel_id", TEXT), ("url", TEXT), ("title", TEXT), ("uploaded", TEXT),
            ("duration_s", FLOAT), ("thumbnail_url", TEXT), *DECISION,
        ],  # one row a listed entry; uploaded is YYYY-MM-DD or ""
        "thumbnails": [
            ("video_id", TEXT), ("people", INT), ("best_score", FLOAT), ("error", TEXT),
        ],  # people: faces at or above the detector's lowest score; error is "" or why there is no picture
        "keep_people": [("video_id", TEXT), *DECISION],
        "download": [
            ("video_id", TEXT), ("channel_id", TEXT), ("title", TEXT), ("path", TEXT), ("duration_s", FLOAT),
            ("width", INT), ("height", INT), ("fps", FLOAT), ("captions", TEXT), ("caption_language", TEXT),
            ("captions_origin", TEXT), ("language", TEXT), ("licence", TEXT), ("availability", TEXT), ("checked", TEXT),
            ("sha256", TEXT), *DECISION,
        ],  # path and captions: file names inside the shard's media folder, "" when absent; captions_origin: uploader,
        # file (beside an own one) or ""; language: of the container; licence: as the site or the container words it;
        # availability: yt-dlp's word (public, unlisted, ...); both "" where untold; checked: the day of it, YYYY-MM-DD
        "clips": [
            ("clip_id", TEXT), ("video_id", TEXT), ("channel_id", TEXT), ("segment_id", INT), ("start_s", FLOAT),
            ("end_s", FLOAT), ("frames", INT), ("width", INT), ("height", INT), ("video", TEXT), ("audio", TEXT),
            ("loudness_dbfs", FLOAT), *DECISION,
        ],  # start_s, end_s in the video; video (25 fps) and audio (16 kHz mono WAV): names in the shard's clips folder
        # studio: what follows has one row a segment, a turn of an actor; segments count in time over both sides
        "sides": [
            ("video_id", TEXT), ("clip_id", TEXT), ("dialogue_id", TEXT), ("side", TEXT), ("left", TEXT),
            ("right", TEXT), ("left_dbfs", FLOAT), ("right_dbfs", FLOAT), ("likeness", FLOAT), *DECISION,
        ],  # one row a recording; side: whose camera; left and right: 16 kHz mono WAVs; likeness: correlation of them
        "side_voices": [
            ("clip_id", TEXT), ("side", TEXT), ("voice", INT), ("start_s", FLOAT), ("end_s", FLOAT),
            ("loudness_dbfs", FLOAT), ("other_dbfs", FLOAT),
        ],  # turns of every voice on a channel, cross-talk too, parted where the louder channel
        # changes; other_dbfs: the other channel meanwhile
        "side_turns": [
            ("clip_id", TEXT), ("side", TEXT), ("segment", INT), ("voice", INT), ("start_s", FLOAT), ("end_s", FLOAT),
            ("loudness_dbfs", FLOAT), *DECISION,
        ],  # segment: -1 where dropped
        "side_heard": [
            ("clip_id", TEXT), ("side", TEXT), ("segment", INT), ("start_s", FLOAT), ("end_s", FLOAT), ("asr", TEXT),
            ("asr_flag", BOOL), ("language", TEXT), ("language_score", FLOAT), ("language_source", TEXT),
            ("words_source", TEXT),
        ],  # asr_flag: whether any word was recognised
        "side_words": [
            ("clip_id", TEXT), ("segment", INT), ("word", TEXT), ("start_s", FLOAT), ("end_s", FLOAT),
            ("confidence", FLOAT), ("interpolated", BOOL),
        ],  # times in the clip
        "script_lines": [
            ("clip_id", TEXT), ("segment", INT), ("side", TEXT), ("similarity", FLOAT), ("script_id", TEXT),
            ("topic_label", TEXT), ("utterance_id", TEXT), ("speaker_id", INT), ("emotion_label", TEXT),
            ("text", TEXT), *DECISION,
        ],  # the line of the script a segment is, or was most like (similarity) but is not; speaker_id: the script's
        "published": [
            ("clip_id", TEXT), ("segment", INT), ("side", TEXT), ("start_s", FLOAT), ("end_s", FLOAT),
            ("video", TEXT), ("sound", TEXT), ("frames", INT), ("copied", BOOL),
        ],  # files of a segment inside the shard's folder; copied: the picture was not encoded again
        "emotions": [
            ("clip_id", TEXT), ("dialogue_id", TEXT), ("segment", INT), ("side", TEXT), ("text", TEXT),
            ("emotion_label", TEXT), ("scores", pa.list_(pa.struct([("label", TEXT), ("score", FLOAT)]))),
            ("backend", TEXT),
        ],  # text: the script's line, or what was heard; emotion_label: the line's, as written, "" where there is none;
        # scores: of the classifier, adding up to 1, none where it knows nothing
        "framing": [
            ("clip_id", TEXT), ("dialogue_id", TEXT), ("side", TEXT), ("frame", INT), ("faces", INT),
            ("readable", BOOL), ("face_area", FLOAT), ("body_area", FLOAT),
            *[(f"{box}_{edge}", FLOAT) for box in ("face", "body") for edge in ("left", "top", "right", "bottom")],
            *[(f"{side}_{limb}", FLOAT) for limb in ("arm", "hand") for side in ("left", "right")],
        ],  # one row a picture that is measured; faces: in it; of the largest: readable, whether the mesh finds it;
        # areas and distances from the picture's edges: shares of its size, NaN without a face; limbs: share of the
        # numbers known, NaN where the actor does not speak
        # speech
        "turns": [("clip_id", TEXT), ("speaker", INT), ("start_s", FLOAT), ("end_s", FLOAT)],
        "people": [
            ("clip_id", TEXT), ("pictures", INT), ("at_once", INT), ("persons", INT),
        ],  # pictures looked at; most faces in one; persons told apart by hair, skin and clothes
        "speakers": [
            ("clip_id", TEXT), ("people", INT), ("speakers", INT), ("speech_s", FLOAT), ("overlap_s", FLOAT),
            ("second_share", FLOAT), ("rest_share", FLOAT), ("second_turn_s", FLOAT), ("rest_turn_s", FLOAT),
        ],  # people: seen, 0 unknown; *_share: part of all speech that the second-most active speaker has, and all
        # after the second; *_turn_s: the longest turn of these
        "keep_two_speakers": [("clip_id", TEXT), *DECISION],
        "transcript": [
            ("clip_id", TEXT), ("word_index", INT), ("word", TEXT), ("start_s", FLOAT), ("end_s", FLOAT),
            ("confidence", FLOAT), ("interpolated", BOOL),
        ],
        "languages": [
            ("clip_id", TEXT), ("language", TEXT), ("score", FLOAT), ("source", TEXT), ("words", INT),
            ("words_source", TEXT),
        ],  # language: ISO 639-1 or "" when undetermined; source: container, captions, captions_text, sound,
        # script, none; words_source: where words are of several, these are joined by +
        "keep_language": [("clip_id", TEXT), *DECISION],
        "words": [
            *UTTERANCE, ("word_index", INT), ("speaker", INT), ("word", TEXT), ("start_s", FLOAT), ("end_s", FLOAT),
            ("interpolated", BOOL),
        ],  # word_index counts in the clip; speaker is 0 or 1, in order of first word
        "utterances": [
            *UTTERANCE, ("speaker", INT), ("text", TEXT), ("start_s", FLOAT), ("end_s", FLOAT), ("words", INT),
        ],
        # speakers (who is seen)
        "tracks": [
            ("clip_id", TEXT), ("shot", INT), ("camera", INT), ("track_id", INT), ("frame", INT),
            ("score", pa.float32()),
            *[("face_" + name, kind) for name, kind in BOX], *[("person_" + name, kind) for name, kind in BOX],
            ("mouth_open", pa.float32()), ("facing", pa.float32()), ("descriptor", pa.list_(pa.float32())),
        ],  # one row a track a frame; shot, camera: count in the clip; score: the detector's, between detections its
        # last one, 0 where it was silent (mesh alone, or a filled gap); mouth_open: lip gap / mouth width; facing: -1
        # to the left in the picture, 1 to the right; both NaN when the mesh finds no face; descriptor: of length 1,
        # null in the frames between those in which the person was described
        "active_speaker": [
            ("clip_id", TEXT), ("track_id", INT), ("frame", INT), ("score", pa.float32()), ("person", INT),
            ("face", pa.float32()), ("speaker", INT), ("confidence", pa.float32()),
        ],  # score above 0 means speaking; tracks of one person in a clip share its number; face: what the face alone
        # says, -1.5 silent to 1.5 speaks, NaN unknown; speaker: as in turns, -1 none; confidence: of the sign
        "visibility": [
            ("clip_id", TEXT), ("words", INT), ("speaking_frames", INT), ("frames", INT), ("tracks", INT),
            ("speakers_seen", INT), ("disagreement", FLOAT), ("confidence", FLOAT),
        ],  # speakers_seen: diarized speakers who have a person; disagreement: share of their frames in which face and
        # turn say the contrary; confidence: mean of active_speaker's; NaN where there is nothing to compare
        "keep_visible": [("clip_id", TEXT), *DECISION],
        "crops": [
            *UTTERANCE, ("speaker", INT), ("frame", INT), ("track_id", INT), ("score", pa.float32()),
            *[("face_" + name, kind) for name, kind in BOX], *[("person_" + name, kind) for name, kind in BOX],
        ],  # one row a frame of an utterance in which its speaker is seen; score as in tracks
        # cues
        "face": cue_columns(FACE_FEATURES),
        "body": cue_columns(BODY_FEATURES),
        "quality": [
            *UTTERANCE, ("part", TEXT), ("group", TEXT), ("frames", INT), ("known", FLOAT), ("confidence", FLOAT),
            ("jitter_raw", FLOAT), ("jitter_published", FLOAT), ("jitter_adaptive", FLOAT),
        ],  # one row an utterance and group of the layout; known: share of its numbers; jitter_*: mean second
        # difference of frames, radians a joint or units a number, as read and by each method of smoothing; NaN
        # where no three frames in a row are known
        # dataset
        "safety": [
            *UTTERANCE, ("harmful", BOOL), ("score", FLOAT), ("start_s", FLOAT), ("end_s", FLOAT), ("backend", TEXT),
        ],  # score 0..1; backend says what judged: a word list is not a safety model
        "keep_safe": [("clip_id", TEXT), *DECISION],
        "split": [("clip_id", TEXT), ("video_id", TEXT), ("channel_id", TEXT), ("group", TEXT), ("split", TEXT)],
        "records": [
            ("channel_id", TEXT), ("video_id", TEXT), ("segment_id", INT), ("duration", TEXT), ("fps", INT),
            ("conversation", lists(
                utterance_id=INT, speaker=INT, text=TEXT, start_time=FLOAT, end_time=FLOAT,
                words=lists(word=TEXT, start_time=FLOAT, end_time=FLOAT),
            )),
            ("facial_expression", lists(utt_id=INT, frame=INT, features=vector(FACE_FEATURES))),
            ("body_language", lists(utt_id=INT, frame=INT, features=vector(BODY_FEATURES))),
            ("speaker_bbox", lists(frame=INT, bbox=vector(4))),
            ("harmful_utterance_id", pa.list_(INT)),
        ],  # the published VENUS record, one row a clip; duration is "HH:MM:SS ~ HH:MM:SS" in the video
        "funnel": [
            ("stage", TEXT), ("filter", TEXT), ("unit", TEXT), ("in", INT), ("kept", INT), ("reason", TEXT),
            ("dropped", INT),
        ],  # one row a filter and reason; a filter that drops nothing has one row with reason ""
        # tokenizers
        "sequences_index": [
            ("row", INT), ("frames", INT), *UTTERANCE, ("speaker", INT), ("first_frame", INT), ("split", TEXT),
        ],  # one row a run: frames of an utterance without a long gap; row: its first row in the frame array
        "published_records": [
            ("clip_id", TEXT), ("video_id", TEXT), ("channel_id", TEXT), ("split", TEXT), ("face", INT), ("body", INT),
            ("harmful_s", FLOAT), *DECISION,
        ],  # one row a published record; clip_id: its place in the files where it has none; split: as published; face,
        # body: frames with a known number; harmful_s: of its utterances flagged harmful
        "keep_records": [("clip_id", TEXT), *DECISION],
        "keep_utterances": [*UTTERANCE, *DECISION],  # one row an utterance of a published record that has motion
        "tokens": [
            *UTTERANCE, ("speaker", INT), ("split", TEXT), ("first_frame", INT), ("frames", INT),
            ("tokens", pa.list_(pa.int32())),
        ],  # one row a run; token i covers frames first_frame + 8 i .. + 7; the last may reach past `frames`
        "decoded": [
            *UTTERANCE, ("frame", INT), ("truth", pa.list_(pa.float32())), ("made", pa.list_(pa.float32())),
        ],  # frames of a test run in the layout's training vector and units, NaN where the truth is unknown
        # mars
        "answers": [
            *UTTERANCE, ("speaker", INT), ("split", TEXT), ("words", INT), ("face", INT), ("body", INT),
            ("context", INT), *DECISION,
        ],  # one row an utterance; face, body: tokens in it; context: utterances before it that its record shows
        "examples": [
            *UTTERANCE, ("split", TEXT), ("tokens", INT), ("turns", INT), *DECISION,
        ],  # one row an answer; tokens of prompt and answer, messages before the answer; 0 where dropped
        "chats": [
            ("clip_id", TEXT), ("utterances", pa.list_(INT)),
            ("messages", pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))),
        ],  # one row an answer: utterances that it shows, its own last; the chat, its answer last
        # paper
        "sentiment": [
            *UTTERANCE, ("sentence", INT), ("text", TEXT), ("start_s", FLOAT), ("end_s", FLOAT), ("negative", FLOAT),
            ("neutral", FLOAT), ("positive", FLOAT), ("valence", FLOAT), ("backend", TEXT),
        ],  # one row a sentence, counted in its utterance; negative, neutral, positive: probabilities, NaN where the
        # backend has none; valence: -1 to 1
        # judge
        "judge_units": [
            ("key", TEXT), ("question", TEXT), ("ask", TEXT), ("unit", TEXT), ("video_id", TEXT), ("clip_id", TEXT),
            ("utterance_id", INT), ("frame", INT), ("kept", BOOL), ("reason", TEXT), ("rank", INT), ("place", INT),
            ("text", TEXT), ("spans", pa.list_(pa.struct([("start_s", FLOAT), ("end_s", FLOAT)]))),
            ("boxes", pa.list_(pa.struct([("frame", INT), *BOX]))), ("folder", TEXT), ("video", TEXT), ("audio", TEXT),
            ("picture", TEXT),
        ],  # one row a drawn unit; key: digest of what is shown; unit: video, clip, utterance, frame; rank: in its
        # stratum (kept, reason), 0 first; place: when the page shows it; spans: of the clip; boxes: of the face, parts
        # of the picture; folder: the shard whose clips hold video and audio; picture: of the drawn thumbnails
        "judge_strata": [
            ("question", TEXT), ("ask", TEXT), ("kept", BOOL), ("reason", TEXT), ("units", INT), ("drawn", INT),
        ],  # one row a question and stratum; units: all that were decided so
        # provenance
        "ledger": [
            ("path", TEXT), ("sha256", TEXT), ("rule", TEXT), ("wildcards", named("value")), ("function", TEXT),
            ("script_sha256", TEXT), ("modules", named("sha256")), ("modules_sha256", TEXT),
            ("inputs", named("sha256")),
            ("params_sha256", TEXT), ("config_keys", pa.list_(TEXT)), ("config", named("value")),
            ("models", pa.list_(pa.struct([(name, TEXT) for name in ("name", "revision", "sha256")]))),
            ("python", TEXT), ("packages", named("version")), ("seed", INT), ("threads", INT),
            ("commit", TEXT), ("dirty", BOOL), ("host", TEXT), ("system", TEXT), ("processor", TEXT), ("cores", INT),
            ("scheduler_job", TEXT), ("gpu", TEXT), ("gpus", INT),
            ("cpu_s", FLOAT), ("startup_cpu_s", FLOAT), ("peak_mb", FLOAT), ("attempts", INT),
            ("started", pa.timestamp("ms", "UTC")), ("ended", pa.timestamp("ms", "UTC")),
        ],  # one row an artifact; dirty is null outside a git checkout; config: values as JSON; attempts: at the job
    }.items()
}  # fmt: skip

# Why a unit may be dropped, by table: the funnel accepts no other word.
REASONS: dict[str, tuple[str, ...]] = {
    "sources": ("unreachable", "empty", "removed"),
    "channels": ("duplicate", "before_first_date", "after_last_date", "over_channel_limit", "bad_name", "removed"),
    "keep_people": ("no_people", "no_thumbnail"),
    "download": ("not_found", "unavailable", "not_media", "truncated", "no_video_stream", "no_audio_stream", "licence"),
    "clips": ("too_short", "undecodable", "not_stereo", "silent_channel", "same_channels"),
    "sides": ("not_stereo", "silent_channel", "same_channels", "undecodable"),
    "side_turns": ("cross_talk", "too_short"),
    "script_lines": ("no_script", "no_words", "not_in_script", "line_taken"),
    "keep_two_speakers": ("silent", "no_speech", "one_speaker", "more_than_two_speakers", "speech_overlaps"),
    "keep_language": ("other_language", "language_undetermined", "no_words"),
    "keep_visible": ("nobody_visible", "speakers_not_visible"),
    "keep_safe": ("harmful",),
    "published_records": ("malformed", "duplicate", "no_motion"),
    "keep_records": ("malformed", "duplicate", "no_motion", "harmful"),
    "keep_utterances": ("malformed", "duplicate", "no_speaker", "no_times", "motion_outside", "no_words"),
    "answers": ("harmful", "no_words", "no_motion", "answers_nobody"),
    "examples": ("answer_too_long", "context_too_long"),
}


class SchemaError(ValueError):
    """A table does not have the columns, types or reasons that its schema names."""


def write_table(path: Path, name: str, rows: pd.DataFrame | list[dict] | pa.Table) -> None:
    """Check rows against TABLES[name] and write them as Parquet, atomically."""
    table = as_table(name, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(table, partial, compression="zstd", row_group_size=ROW_GROUP)
    partial.replace(path)


def as_table(name: str, rows: pd.DataFrame | list[dict] | pa.Table) -> pa.Table:
    """Rows as an Arrow table of the schema TABLES[name].

    Raises:
        SchemaError: a column is missing or unknown, a type does not fit, or a decision has an unknown reason.
    """
    schema = TABLES[name]
    try:
        if isinstance(rows, pd.DataFrame):
            _same_columns(name, list(rows.columns))
            table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
        elif isinstance(rows, pa.Table):
            _same_columns(name, rows.column_names)
            table = rows.select(schema.names).cast(schema)
        else:
            for row in rows[:1]:
                _same_columns(name, list(row))
            table = pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaError(f"table {name}: {error}") from error
    table = table.replace_schema_metadata(None)
    if name in REASONS:
        _check_decisions(name, table)
    return table


def read_table(path: Path | list[Path], name: str) -> pd.DataFrame:
    """Read one table, or several of one kind one after another, checked against TABLES[name]."""
    paths = path if isinstance(path, list) else [path]
    tables = [read_arrow(one, name) for one in paths]
    return pa.concat_tables(tables).to_pandas() if tables else TABLES[name].empty_table().to_pandas()


def read_arrow(path: Path, name: str, columns: list[str] | None = None, clip_id: str | None = None) -> pa.Table:
    """Read some columns of one table, or the rows of one clip, checked against TABLES[name].

    Raises:
        UserError: the file is damaged.
    """
    filters = None if clip_id is None else [("clip_id", "==", clip_id)]
    with intact(path):
        _check_file(path, name)
        return pq.read_table(path, columns=columns, filters=filters)


def iter_arrow(path: Path, name: str, columns: list[str], rows: int) -> Iterator[pa.Table]:
    """Read some columns of one table, checked against TABLES[name], so many rows at a time at most.

    Raises:
        UserError: the file is damaged.
    """
    with intact(path):
        _check_file(path, name)
        batches = pq.ParquetFile(path, pre_buffer=False).iter_batches(rows, columns=columns)
    while True:
        with intact(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield pa.Table.from_batches([batch])


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Says in one sentence that a Parquet file read within is damaged: cut off by a full disk, or changed since.

    Raises:
        UserError: it is.
    """
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the machine's fault, not the file's
            raise
        raise UserError(f"{path} is damaged ({error}); remove it, so that its rule makes it again") from error


def _check_file(path: Path, name: str) -> None:
    found = pq.read_schema(path)
    if found.names != TABLES[name].names or found.types != TABLES[name].types:
        raise SchemaError(f"{path} is not a {name} table: it has {found.names}")


def read_rows(path: Path, name: str) -> list[dict[str, Any]]:
    """Read one table as a row a dictionary, checked against TABLES[name]."""
    return as_table(name, read_table(path, name)).to_pylist()


def _same_columns(name: str, columns: list[str]) -> None:
    expected = TABLES[name].names
    if set(columns) != set(expected):
        missing, unknown = sorted(set(expected) - set(columns)), sorted(set(columns) - set(expected))
        raise SchemaError(f"table {name}: missing columns {missing}, unknown columns {unknown}")


def _check_decisions(name: str, table: pa.Table) -> None:
    for kept, reason in zip(table["kept"].to_pylist(), table["reason"].to_pylist(), strict=True):
        if kept == bool(reason) or (reason and reason not in REASONS[name]):
            raise SchemaError(f"table {name}: kept={kept} with reason {reason!r}; reasons are {REASONS[name]}")


def kept_ids(path: Path | list[Path], name: str) -> list[str]:
    """Ids (first column) of the units that a decision table keeps, in order."""
    table = read_table(path, name)
    return table.loc[table["kept"], TABLES[name].names[0]].tolist()


def read_given(path: Path, key: str, columns: list[str]) -> pd.DataFrame:
    """A CSV that the user gave, all of it text.

    Raises:
        UserError: the file is none, or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except ValueError as error:  # pandas' own of files that are empty or cut off, and of bytes that are no text
        raise UserError(f"config key {key}: {path} is no CSV in UTF-8: {error}") from error
    if not set(columns) <= set(table.columns):
        raise UserError(f"config key {key}: {path} must have the columns {', '.join(columns)}")
    return table
