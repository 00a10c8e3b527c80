"""Motion as networks see it: normalised, gaps filled, padded and masked batches of runs or windows."""

import json
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nonverbal.layouts import LAYOUTS, Layout
from nonverbal.schema import read_table

Window = tuple[int, int]  # first row in the array, frames


@dataclass(frozen=True)
class Batch:
    """Sequences padded to one length T, a multiple of the frames a token.

    Attributes:
        values: normalised numbers, float32 [B, dim, T]; the last token's rest holds the last frame, then zeros.
        known: which of them were measured, bool [B, dim, T]; losses and metrics count only these.
        mask: 1 over each sequence's own tokens, else 0: float32 [B, 1, T].
    """

    values: torch.Tensor
    known: torch.Tensor
    mask: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(self.values.to(device), self.known.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Scale:
    """Normalisation of a layout's training vector: mean and std, float32 [dim]."""

    layout: Layout
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def load(cls, path: Path) -> "Scale":
        """Read what the frames rule wrote."""
        values = json.loads(path.read_text())
        mean, std = (np.array(values[name], np.float32) for name in ("mean", "std"))
        return cls(LAYOUTS[values["layout"]], mean, std)


@dataclass(frozen=True)
class Motion:
    """The runs of a part: a memory-mapped array [N, dim], the index of its runs and its scale."""

    array: np.ndarray
    index: pd.DataFrame
    scale: Scale

    @classmethod
    def load(cls, frames: Path, index: Path, scale: Path) -> "Motion":
        """Read what the frames rule wrote; the array stays on disk."""
        return cls(np.load(frames, mmap_mode="r"), read_table(index, "sequences_index"), Scale.load(scale))

    def runs(self, split: str) -> list[Window]:
        """The runs of a split, in the index's order."""
        rows = self.index[self.index["split"] == split]
        return list(zip(rows["row"].tolist(), rows["frames"].tolist(), strict=True))

    def read(self, window: Window) -> np.ndarray:
        """Normalised numbers of a window, float32 [frames, dim], NaN where unknown."""
        return (self.array[window[0] : window[0] + window[1]] - self.scale.mean) / self.scale.std

    def batch(self, windows: Sequence[Window], downsampling: int) -> Batch:
        """Read windows as one batch, and let go of the pages that were read."""
        batch = collate([self.read(window) for window in windows], downsampling)
        release(self.array)
        return batch


def release(array: np.ndarray) -> None:
    """Let go of the pages of a memory-mapped array, which otherwise count as memory of the job, up to all of it."""
    if isinstance(array, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
        array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def collate(sequences: Sequence[np.ndarray], downsampling: int) -> Batch:
    """Fill, pad and mask sequences [frames, dim] of normalised numbers; their tokens are so many frames each."""
    lengths = [-(-len(one) // downsampling) * downsampling for one in sequences]
    shape = (len(sequences), max(lengths), sequences[0].shape[1])
    values, known, mask = np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros(shape[:2], np.float32)
    for i, (one, length) in enumerate(zip(sequences, lengths, strict=True)):
        known[i, : len(one)] = np.isfinite(one)
        values[i, : len(one)] = fill(one)
        values[i, len(one) : length] = values[i, len(one) - 1]
        mask[i, :length] = 1
    values, known = values.transpose(0, 2, 1), known.transpose(0, 2, 1)
    return Batch(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (values, known, mask[:, None])))


def fill(sequence: np.ndarray) -> np.ndarray:
    """Unknown numbers by interpolation over time, ends held; 0, the mean, for a number that is never known.

    Args:
        sequence: normalised numbers [frames, dim], NaN where unknown.
    """
    known = np.isfinite(sequence)
    if known.all():
        return sequence
    filled = np.where(known, sequence, 0)
    times = np.arange(len(sequence))
    for column in np.flatnonzero(known.any(axis=0) & ~known.all(axis=0)):
        seen = known[:, column]
        filled[:, column] = np.interp(times, times[seen], sequence[seen, column])
    return filled


def cut(runs: Sequence[Window], window: int) -> list[Window]:
    """Consecutive windows that cover each run; the last of a run may be shorter."""
    return [(row + at, min(window, length - at)) for row, length in runs for at in range(0, length, window)]


def draw(runs: Sequence[Window], window: int, rng: np.random.Generator) -> list[Window]:
    """As many windows as cut makes, of each run at random places, in random order."""
    windows = []
    for row, length in runs:
        size = min(window, length)
        starts = rng.integers(0, length - size, endpoint=True, size=-(-length // window))
        windows += [(row + int(start), size) for start in starts]
    return [windows[i] for i in rng.permutation(len(windows))]


def bucket(windows: Sequence[Window], batch: int, pool: int, rng: np.random.Generator) -> list[list[Window]]:
    """Batches of windows of like length, in random order: so many batches at a time are sorted, then dealt out.

    Args:
        windows: in random order.
        batch: windows a batch; the last may have fewer.
        pool: batches sorted at a time. One sorts nothing: more pad less, but mix less.
        rng: orders the batches of each pool.
    """
    batches = []
    for at in range(0, len(windows), batch * pool):
        near = sorted(windows[at : at + batch * pool], key=lambda window: window[1])
        parts = [near[i : i + batch] for i in range(0, len(near), batch)]
        batches += [parts[i] for i in rng.permutation(len(parts))]
    return batches
