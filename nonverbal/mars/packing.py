"""Several samples in one sequence, none of which sees another, and batches of such sequences."""

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
import torch

from nonverbal.mars.encode import IGNORED, Encoded

Pack = Sequence[Encoded]


def pack(samples: Sequence[Encoded], length: int) -> Sequence[Pack]:
    """Samples in as few sequences of at most `length` tokens as best fit, longest first, finds; none is cut."""
    packs: list[list[Encoded]] = []
    rooms: list[tuple[int, int]] = []  # (tokens left, pack), sorted
    for sample in sorted(samples, key=lambda one: -len(one.ids)):
        place = bisect_left(rooms, (len(sample.ids), 0))
        room, number = rooms.pop(place) if place < len(rooms) else (length, len(packs))
        if number == len(packs):
            packs.append([])
        packs[number].append(sample)
        insort(rooms, (room - len(sample.ids), number))
    return packs


def alone(samples: Sequence[Encoded]) -> Sequence[Pack]:
    """Each sample as a pack of its own."""
    return [[sample] for sample in samples]


def collate(batch: Sequence[Pack], pad: int, loss: str = "answer") -> dict[str, torch.Tensor]:
    """Right-padded int64 tensors [batch, longest]: input_ids, position_ids, labels.

    Positions count from 0 in each sample, and in the padding. Without an attention mask and without a cache, the models
    of transformers see by them where a sample begins and let none attend to another (`masking_utils`). The first token
    of a sample is never a label: what is before it is another sample's end.
    """
    longest = max(sum(len(sample.ids) for sample in one) for one in batch)
    ids = np.full((len(batch), longest), pad, np.int64)
    positions = np.zeros_like(ids)
    labels = np.full_like(ids, IGNORED)
    for row, samples in enumerate(batch):
        at = 0
        for sample in samples:
            size, first = len(sample.ids), sample.answer if loss == "answer" else 1
            ids[row, at : at + size] = sample.ids
            labels[row, at + first : at + size] = sample.ids[first:]
            positions[row, at : at + size] = np.arange(size)
            at += size
        positions[row, at:] = np.arange(longest - at)
    tensors = {"input_ids": ids, "position_ids": positions, "labels": labels}
    return {name: torch.from_numpy(values) for name, values in tensors.items()}
