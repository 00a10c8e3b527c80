"""Encoded records in files that several processes read at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from nonverbal.mars.encode import Encoded


def write_samples(path: Path, samples: Sequence[Encoded]) -> None:
    """Write all ids to PATH.npy (int32), and length, answer and turns of each sample to PATH.index.npy."""
    index = np.array([(len(one.ids), one.answer, one.turns) for one in samples], np.int64).reshape(-1, 3)
    ids = np.concatenate([one.ids for one in samples]) if samples else np.zeros(1, np.int32)  # no map of an empty file
    np.save(path.with_suffix(".npy"), ids)
    np.save(path.with_suffix(".index.npy"), index)


class Samples(Sequence[Encoded]):
    """What `write_samples` wrote, read when it is asked for.

    Attributes:
        lengths: tokens of each sample, int64 [samples].
    """

    def __init__(self, path: Path) -> None:
        self.ids = np.load(path.with_suffix(".npy"), mmap_mode="r")
        self.table = np.load(path.with_suffix(".index.npy"))
        self.lengths = self.table[:, 0]
        self.ends = self.lengths.cumsum()

    def __len__(self) -> int:
        """How many samples."""
        return len(self.table)

    @overload
    def __getitem__(self, i: int) -> Encoded: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Encoded]: ...
    def __getitem__(self, i: int | slice) -> Encoded | Sequence[Encoded]:
        """One sample, or some."""
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        length, answer, turns = (int(value) for value in self.table[i])
        end = int(self.ends[i])
        return Encoded(np.asarray(self.ids[end - length : end]), answer, turns)
