"""Sequences for training: one memory-mapped array of a part's numbers, an index of its runs, and their scale.

A run is a stretch of an utterance in which its speaker is seen, save for gaps too short to leave a token without a
seen frame. What is unknown is NaN in the array. Each number is centred, but scaled with its group, both by the training
split alone: one scale a group keeps a number that hardly moves small, so that its noise costs little.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.progress import track
from nonverbal.schema import TABLES, iter_arrow, read_table, write_table
from nonverbal.tokenizers.motion import release
from nonverbal.tokenizers.settings import Frames

log = logging.getLogger("nonverbal")
LAYOUT_OF = {  # by the cues stage's backends
    "open_face": OPEN_FACE,
    "emoca": FLAME_FACE,
    "flame": FLAME_FACE,
    "mediapipe_ik": SMPLX_BODY,
    "osx": SMPLX_BODY,
}
BATCH_ROWS = 16_384
KEYS = ["clip_id", "utterance_id"]
INDEX_COLUMNS = [*KEYS, "speaker", "frame", "valid"]


def frames(
    part: str, cues: list[Path], split: Path, frames: Path, index: Path, scale: Path, settings: Frames, backend: str
) -> None:
    """Write the array, its index and its scale.

    Args:
        part: face or body.
        cues: the shards' smoothed tables of the part.
        split: clips of the dataset and their splits; other clips are left out.
        frames: float32 [N, dim] to write as .npy: the layout's training vector, NaN where unknown.
        index: table sequences_index to write.
        scale: JSON to write: layout, mean and std [dim], backend.
        settings: longest gap, least standard deviation.
        backend: of the cues stage; says which layout the features have.

    Raises:
        UserError: no clip of the training split shows a speaker, or a group of clips is in two splits.
    """
    layout = LAYOUT_OF[backend]
    clips = read_table(split, "split")
    check_leaks(clips)
    split_of = clips.set_index("clip_id")["split"]
    runs = index_shards(part, cues, split_of, settings.longest_gap)
    if not (runs["split"] == "train").any():
        raise UserError(
            f"none of the {len(split_of)} kept clips is of the training split and has a {part} to learn from; see why "
            "clips were dropped in dataset/funnel/ of the results, or in the log of rule funnel; add videos, or lower "
            "config keys dataset.split.validation and dataset.split.test"
        )
    partial = frames.with_name(f".{frames.name}.partial")
    shape = (int(runs["frames"].sum()), layout.dim)
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
    start = 0
    for path in track(cues, f"frames {part}"):
        for table in whole_utterances(part, path, [*INDEX_COLUMNS, "features"]):
            found, places = index_table(table, split_of, settings.longest_gap)
            end = start + int(found["frames"].sum())
            array[start:end] = vectors(table, places, end - start, layout)
            release(array)
            start = end
    array.flush()
    mean, std = moments(array, runs[runs["split"] == "train"], layout)
    partial.replace(frames)
    write_table(index, "sequences_index", runs)
    values = {
        "part": part, "backend": backend, "layout": layout.name,
        "mean": mean.tolist(), "std": np.maximum(std, settings.least_std).tolist(),
    }  # fmt: skip
    scale.write_text(json.dumps(values, indent=1) + "\n")


def check_leaks(clips: pd.DataFrame) -> None:
    """No group of clips (a channel with all that share a person with it) is in two splits; channels are counted.

    Raises:
        UserError: one is.
    """
    for column in ("group", "video_id", "channel_id"):
        splits = clips.groupby(column)["split"].nunique()
        shared = splits[splits > 1]
        if len(shared) and column == "group":
            raise UserError(f"{shared.index[0]} is in {shared.iloc[0]} splits; make results/dataset/split/ again")
        if len(shared):  # the split rule found too few of them to keep them apart, or was told to divide them
            log.warning("frames: %d of %d %ss are in more than one split", len(shared), len(splits), column[:-3])


def index_shards(part: str, cues: list[Path], split_of: pd.Series, longest_gap: int) -> pd.DataFrame:
    """Runs of all shards, one shard's after another's."""
    runs, start = [TABLES["sequences_index"].empty_table().to_pandas()], 0
    for path in cues:
        for table in whole_utterances(part, path, INDEX_COLUMNS):
            found, _ = index_table(table, split_of, longest_gap)
            runs.append(found.assign(row=found["row"] + start, split=found["clip_id"].map(split_of)))
            start += int(found["frames"].sum())
    return pd.concat([one for one in runs if len(one)] or runs, ignore_index=True)


def whole_utterances(part: str, path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """A shard's table in parts of about BATCH_ROWS rows, each of which ends where an utterance does."""
    held = None
    for table in iter_arrow(path, part, columns, BATCH_ROWS):
        table = table if held is None else pa.concat_tables([held, table])
        keys = table.select(KEYS).to_pandas()
        others = np.flatnonzero((keys != keys.iloc[-1]).any(axis=1))  # than the last utterance, which may go on
        end = int(others[-1]) + 1 if len(others) else 0
        if end:
            yield table.slice(0, end)
        held = table.slice(end)
    if held is not None:
        yield held


def index_table(table: pa.Table, split_of: pd.Series, longest_gap: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Runs of some whole utterances, and the row among theirs of each of the table's rows (-1: not used)."""
    seen = table.select(INDEX_COLUMNS).to_pandas()
    used = (seen["valid"] & seen["clip_id"].isin(split_of.index)).to_numpy()
    found, rows = find_runs(seen[used], longest_gap)
    places = np.full(len(seen), -1)
    places[used] = rows
    return found, places


def find_runs(seen: pd.DataFrame, longest_gap: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Runs of seen frames, and the place of each frame when runs are laid end to end with their gaps.

    Args:
        seen: clip_id, utterance_id, speaker and frame, an utterance's rows together and in order.
        longest_gap: unseen frames a run may span.

    Returns:
        Index rows without split, and int64 [len(seen)].

    Raises:
        ValueError: an utterance's frames are not in order.
    """
    same = (seen[KEYS] == seen[KEYS].shift()).all(axis=1).to_numpy()
    step = seen["frame"].diff().fillna(1).to_numpy()
    if (same & (step < 1)).any():
        raise ValueError(f"frames out of order in clip {seen['clip_id'].to_numpy()[same & (step < 1)][0]}")
    starts = np.flatnonzero(~same | (step > longest_gap + 1))
    number = np.cumsum(~same | (step > longest_gap + 1)) - 1
    ends = np.append(starts, len(seen))[1:] - 1
    frame = seen["frame"].to_numpy()
    runs = seen.iloc[starts][[*KEYS, "speaker"]].reset_index(drop=True)
    runs["first_frame"], runs["frames"] = frame[starts], frame[ends] - frame[starts] + 1
    runs["row"] = runs["frames"].cumsum() - runs["frames"]
    return runs, runs["row"].to_numpy()[number] + frame - runs["first_frame"].to_numpy()[number]


def vectors(table: pa.Table, places: np.ndarray, frames: int, layout: Layout) -> np.ndarray:
    """Training vectors [frames, dim] of a table's rows at their places among the frames, else NaN, as for infinity."""
    features = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    block = np.full((frames, layout.dim), np.nan, np.float32)
    block[places[places >= 0]] = features.reshape(-1, layout.features)[places >= 0][:, layout.index]
    block[np.isinf(block)] = np.nan
    return block


def moments(array: np.ndarray, runs: pd.DataFrame, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each number and standard deviation of its group, [dim], over what is known in some runs.

    A number that is never known has mean 0 and no part in its group's deviation.
    """
    count, total, squares = (np.zeros(array.shape[1]) for _ in range(3))
    for row, length in zip(runs["row"], runs["frames"], strict=True):
        block = array[row : row + length].astype(np.float64)
        count += np.isfinite(block).sum(axis=0)
        total += np.nansum(block, axis=0)
        squares += np.nansum(block**2, axis=0)
        release(array)
    mean = total / np.maximum(count, 1)
    off = squares - count * mean**2
    std = np.zeros_like(mean)
    for where in layout.training_slices().values():
        std[where] = np.sqrt(max(off[where].sum(), 0) / max(count[where].sum(), 1))
    return mean, std
