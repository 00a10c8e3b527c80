"""Several samples in one sequence, none of which sees another, and batches of such sequences."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from nonverbal.mars.encode import IGNORED, Encoded

Pack = Sequence[Encoded]
PACKED = "packed"  # name of `attend_packed` for transformers


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
    tensors = {"input_ids": ids, "position_ids": positions, "labels": labels}
    return {name: torch.from_numpy(values) for name, values in tensors.items()}


def in_one_row(batch: Sequence[Pack], pad: int, loss: str = "answer") -> dict[str, Any]:
    """As `collate`, but all samples one after another in one row [1, tokens], without padding, for `attend_packed`.

    Beside the tensors: the samples' lengths, where they begin and end in FlashAttention's words, and which positions
    predict a label: the output layer, the largest, is computed for these alone.
    """
    row = [sample for samples in batch for sample in samples]
    lengths = [len(sample.ids) for sample in row] or [1]
    ends = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    bounds = {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends}
    longest = {"max_length_q": max(lengths), "max_length_k": max(lengths)}
    tensors = collate([row], pad, loss)
    following = torch.nn.functional.pad(tensors["labels"][0, 1:], (0, 1), value=IGNORED)
    kept = (following != IGNORED).nonzero()[:, 0]
    kept = kept if len(kept) else torch.zeros(1, dtype=torch.long)
    outputs = {"logits_to_keep": kept, "shift_labels": following[None, kept]}
    return {**tensors, **outputs, "sample_lengths": lengths, **bounds, **longest}


def attend_packed(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    sample_lengths: Sequence[int] | None = None,
    **kwargs: Any,  # noqa: ANN401 - what transformers hands to any attention
) -> tuple[torch.Tensor, None]:
    """Causal attention within each sample of a row: no mask, and nothing is computed between samples.

    Args:
        query, key, value: [1, heads, tokens, head size].
        sample_lengths: of the row; without it, each row of a right-padded batch is one sample.
    """
    lengths = list(sample_lengths) if sample_lengths else [query.shape[2]]
    parts = zip(query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True)
    return torch.cat([sdpa_attention_forward(module, q, k, v, None, **kwargs)[0] for q, k, v in parts], dim=1), None


AttentionInterface.register(PACKED, attend_packed)  # transformers makes no mask for attention of others
