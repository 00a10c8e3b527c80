"""Several samples in one sequence, none of which sees another, and batches of such sequences."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

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


def collate(batch: Sequence[Pack], pad: int, loss: str = "answer", one_row: bool = False) -> dict[str, Any]:
    """Right-padded int64 tensors [batch, longest]: input_ids, position_ids, labels.

    Positions count from 0 in each sample, and in the padding. Without an attention mask and without a cache, the models
    of transformers see by them where a sample begins and let none attend to another (`masking_utils`). The first token
    of a sample is never a label: what is before it is another sample's end.

    Args:
        loss: tokens that are labels, `answer` or `all`.
        one_row: all packs one after another, [1, tokens], without padding, and where samples begin in the words of
            FlashAttention's kernel, which then computes nothing between samples.
    """
    if one_row:
        batch = [[sample for samples in batch for sample in samples]]
    longest = max(1, *(sum(len(sample.ids) for sample in one) for one in batch))
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
    arrays = {"input_ids": ids, "position_ids": positions, "labels": labels}
    tensors: dict[str, Any] = {name: torch.from_numpy(values) for name, values in arrays.items()}
    return tensors | (flash_bounds(positions[0]) if one_row else {})


def flash_bounds(positions: np.ndarray) -> dict[str, Any]:
    """Where the samples of a row begin and end, int32 [samples + 1], and how long the longest is."""
    bounds = np.append(np.flatnonzero(positions == 0), len(positions)).astype(np.int32)
    ends, longest = torch.from_numpy(bounds), int(np.diff(bounds).max())
    return {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": longest, "max_length_k": longest}
