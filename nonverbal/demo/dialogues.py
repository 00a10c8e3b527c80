"""A synthetic motion corpus: hours of dialogues of known structure, as published records (docs/demo.md).

A clip is a video of its own, of the channel's host and a guest who is nowhere else, so that whole channels in a split
leak nobody. What is said is in `conversation`, how it moves in `manners`; generators of the clip's own draw both.
"""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.dataset.backends import describe
from nonverbal.dataset.records import SCHEMA, record
from nonverbal.dataset.settings import Split
from nonverbal.dataset.split import SPLITS, assign
from nonverbal.demo.conversation import Utterance, dialogue
from nonverbal.demo.manners import Moved, Style, draw_style, move
from nonverbal.demo.settings import Dialogues
from nonverbal.layouts import floor_frame
from nonverbal.progress import track

METADATA = {"facial_expression": "open_face", "body_language": "mediapipe_ik"}
SEATS = ((40.0, 50.0, 320.0, 360.0), (320.0, 50.0, 600.0, 360.0))  # boxes of the speakers in the picture, pixels
HOST, GUEST, CLIP = range(3)  # whose generator


def dialogues(records: Path, settings: Dialogues, split: Split, seed: int) -> None:
    """Write train.parquet, validation.parquet and test.parquet, a record a row group; one is in memory at a time.

    Args:
        records: folder to make.
        settings: how much.
        split: share of the clips in each split; channels are never divided.
        seed: of everything.
    """
    channels = {clip: clip % settings.channels for clip in range(settings.clips)}
    shares = {"train": 1 - split.validation - split.test, "test": split.test, "validation": split.validation}
    split_of = assign(dict(Counter(_channel(number) for number in channels.values())), shares, seed)
    records.mkdir(parents=True, exist_ok=True)
    schema = SCHEMA.with_metadata({f"backend.{field}": describe(name) for field, name in METADATA.items()})
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(pq.ParquetWriter(records / f"{name}.parquet", schema, compression="zstd"))
            for name in SPLITS
        }
        for clip in track(list(channels), "dialogues"):
            channel = channels[clip]
            writers[split_of[_channel(channel)]].write_table(one_record(clip, channel, settings, seed))


def _channel(number: int) -> str:
    return f"dialogues{number:04d}"


def cast(clip: int, channel: int, seed: int) -> tuple[Style, Style]:
    """The host of a channel and the guest of a clip."""
    host, guest = (np.random.default_rng([seed, *key]) for key in ((HOST, channel), (GUEST, clip)))
    return draw_style(host), draw_style(guest)


def said(clip: int, channel: int, settings: Dialogues, seed: int) -> tuple[list[Utterance], list[Moved]]:
    """What is said in a clip, and how the speaker of each utterance moves."""
    rng = np.random.default_rng([seed, CLIP, clip])
    persons = cast(clip, channel, seed)
    tempo = [person.tempo for person in persons]
    utterances = dialogue(settings.clip_s, settings.utterance_s, tempo, rng)
    return utterances, [move(utterance, persons[utterance.speaker], rng) for utterance in utterances]


def one_record(clip: int, channel: int, settings: Dialogues, seed: int) -> pa.Table:
    """The record of a clip, a table of one row."""
    utterances, motions = said(clip, channel, settings, seed)
    told = {"clip_id": f"dialogue{clip:06d}_000", "channel_id": _channel(channel), "video_id": f"dialogue{clip:06d}"}
    first = [floor_frame(utterance.start_s) for utterance in utterances]
    parts = {
        "utterances": pa.Table.from_pandas(_utterances(utterances)),
        "words": pa.Table.from_pandas(_words(utterances)),
        "crops": pa.Table.from_pandas(_boxes(utterances, motions, first)),
        "safety": pa.Table.from_pandas(pd.DataFrame({"utterance_id": range(len(first)), "harmful": False})),
        "face": _cues([(motion.face, motion.face_seen) for motion in motions], first),
        "body": _cues([(motion.body, motion.body_seen) for motion in motions], first),
    }
    return record(told | {"segment_id": 0, "start_s": 0.0, "end_s": settings.clip_s}, parts)


def _utterances(utterances: list[Utterance]) -> pd.DataFrame:
    return pd.DataFrame([
        {"utterance_id": i, "speaker": one.speaker, "text": " ".join(word.text for word in one.words),
         "start_s": one.start_s, "end_s": one.end_s}
        for i, one in enumerate(utterances)
    ])  # fmt: skip


def _words(utterances: list[Utterance]) -> pd.DataFrame:
    rows = [(i, word.text, word.start_s, word.end_s) for i, one in enumerate(utterances) for word in one.words]
    return (
        pd.DataFrame(rows, columns=["utterance_id", "word", "start_s", "end_s"]).rename_axis("word_index").reset_index()
    )


def _boxes(utterances: list[Utterance], motions: list[Moved], first: list[int]) -> pd.DataFrame:
    lengths = [len(motion.body) for motion in motions]
    seats = np.repeat([SEATS[one.speaker] for one in utterances], lengths, axis=0)
    frames = np.concatenate([np.arange(start, start + length) for start, length in zip(first, lengths, strict=True)])
    table = pd.DataFrame(seats, columns=["person_x0", "person_y0", "person_x1", "person_y1"])
    return table.assign(frame=frames, utterance_id=np.repeat(np.arange(len(first)), lengths))


def _cues(parts: list[tuple[np.ndarray, np.ndarray]], first: list[int]) -> pa.Table:
    """Seen frames [T, numbers] of each utterance as a cues table's columns that records need."""
    seen = [np.flatnonzero(mask) for _, mask in parts]
    values = np.concatenate([values[rows] for (values, _), rows in zip(parts, seen, strict=True)])
    frames = np.concatenate([start + rows for start, rows in zip(first, seen, strict=True)])
    return pa.table({
        "utterance_id": np.repeat(np.arange(len(first)), [len(rows) for rows in seen]), "frame": frames,
        "valid": np.ones(len(frames), bool),
        "features": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1]),
    })  # fmt: skip
