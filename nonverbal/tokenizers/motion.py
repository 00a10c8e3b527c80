"""Motion as networks see it: normalised, gaps filled, padded and masked batches of runs or windows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nonverbal.layouts import BODY_LAYOUTS, FACE_LAYOUTS, Layout
from nonverbal.schema import read_table

DOWNSAMPLING = 8  # frames a token
LAYOUTS = FACE_LAYOUTS | BODY_LAYOUTS
Window = tuple[int, int]  # first row in the array, frames


@dataclass(frozen=True)
class Batch:
    """Sequences padded to one length T, a multiple of 8.

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

    def batch(self, windows: Sequence[Window]) -> Batch:
        """Read windows as one batch."""
        return collate([self.read(window) for window in windows])


def collate(sequences: Sequence[np.ndarray]) -> Batch:
    """Fill, pad and mask sequences [frames, dim] of normalised numbers."""
    lengths = [-(-len(one) // DOWNSAMPLING) * DOWNSAMPLING for one in sequences]
    shape = (len(sequences), sequences[0].shape[1], max(lengths))
    values, known, mask = np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros((len(sequences), 1, shape[2]))
    for i, (one, length) in enumerate(zip(sequences, lengths, strict=True)):
        values[i, :, :length] = np.pad(fill(one), ((0, length - len(one)), (0, 0)), mode="edge").T
        known[i, :, : len(one)] = np.isfinite(one).T
        mask[i, :, :length] = 1
    return Batch(torch.from_numpy(values), torch.from_numpy(known), torch.from_numpy(mask).float())


def fill(sequence: np.ndarray) -> np.ndarray:
    """Unknown numbers by interpolation over time, ends held; 0, the mean, for a number that is never known.

    Args:
        sequence: normalised numbers [frames, dim], NaN where unknown.
    """
    known = np.isfinite(sequence)
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
