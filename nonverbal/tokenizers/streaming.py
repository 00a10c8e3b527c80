"""Runs of any length to tokens, in bounded memory: windows that overlap by what the encoder sees to either side.

A token depends on the frames in its receptive field alone. Each window is encoded with that much of its run around it,
so that its tokens are those of the run encoded whole; how runs are cut and batched changes nothing.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from nonverbal.tokenizers.model import Encoder, MotionTokenizer
from nonverbal.tokenizers.motion import Motion, Window, collate, fill, release

WINDOW = 256  # tokens kept of a window
BATCH_FRAMES = 8_192  # encoded at once, padding included; more of them pad each other more, and leave the cache


class Piece(NamedTuple):
    """A window of a run.

    Attributes:
        run: its place in the list of runs.
        first, last: the tokens it gives, from first to before last.
        margin: tokens encoded before the first, and thrown away.
        values: the frames, float32 [frames, dim], filled.
    """

    run: int
    first: int
    last: int
    margin: int
    values: np.ndarray


def receptive_field(encoder: Encoder) -> tuple[int, int]:
    """Frames before a token's first frame, and after it, that the token depends on."""
    before = after = 0
    jump = 1
    for conv in encoder.convolutions():
        padding = int(conv.padding[0])
        before += jump * padding
        after += jump * (conv.dilation[0] * (conv.kernel_size[0] - 1) - padding)
        jump *= conv.stride[0]
    return before, max(0, after - (jump - 1))


def encode_runs(motion: Motion, network: MotionTokenizer, runs: Sequence[Window], window: int = WINDOW,
                batch_frames: int = BATCH_FRAMES) -> list[np.ndarray]:  # fmt: skip
    """Tokens of whole runs, int32 [ceil(frames / D), Q] each; the rest of a last token repeats the last frame.

    Args:
        motion: where the runs' frames are.
        network: in evaluation mode.
        runs: of any length, one frame or more.
        window: tokens kept of a window of a longer run.
        batch_frames: frames encoded at once, padding included.
    """
    few = network.downsampling
    found = [np.zeros((-(-length // few), network.quantizer.levels), np.int32) for _, length in runs]
    order = sorted(range(len(runs)), key=lambda i: runs[i][1])  # runs of like length pad each other little
    before, after = (-(-frames // few) for frames in receptive_field(network.encoder))
    pieces = (
        piece
        for i in order
        for piece in cut_run(i, fill(motion.read(runs[i])), few, window, before, after)  # unknown is filled from afar
    )
    for batch in batches(pieces, batch_frames):
        release(motion.array)
        for piece, tokens in zip(batch, encode(network, [piece.values for piece in batch]), strict=True):
            found[piece.run][piece.first : piece.last] = tokens[piece.margin :][: piece.last - piece.first]
    return found


def cut_run(number: int, values: np.ndarray, few: int, window: int, before: int, after: int) -> Iterator[Piece]:
    """The windows of a run, each with the frames around it that its tokens depend on.

    Args:
        number: the run's place in the list of runs.
        values: all of its frames, float32 [frames, dim], filled.
        few: frames a token.
        window: tokens kept of a window.
        before, after: tokens around a window that its own depend on.
    """
    count = -(-len(values) // few)
    for first in range(0, count, window):
        last = min(first + window, count)
        start = max(0, first - before)
        yield Piece(number, first, last, first - start, values[start * few : (last + after) * few])


def batches(pieces: Iterator[Piece], frames: int) -> Iterator[list[Piece]]:
    """Consecutive pieces that padded to one length are at most so many frames; at least one."""
    batch: list[Piece] = []
    longest = 0
    for piece in pieces:
        longest = max(longest, len(piece.values))
        if batch and longest * (len(batch) + 1) > frames:
            yield batch
            batch, longest = [], len(piece.values)
        batch.append(piece)
    if batch:
        yield batch


def encode(network: MotionTokenizer, sequences: list[np.ndarray]) -> list[np.ndarray]:
    """Tokens [ceil(frames / D), Q] of filled sequences [frames, dim], encoded as one batch."""
    device = next(network.parameters()).device
    batch = collate(sequences, network.downsampling).to(device)
    tokens: np.ndarray = network.tokenize(batch.values, batch.mask).cpu().numpy().astype(np.int32)
    return [row[: -(-len(one) // network.downsampling)] for row, one in zip(tokens, sequences, strict=True)]


def decode_run(network: MotionTokenizer, tokens: np.ndarray, frames: int) -> np.ndarray:
    """Normalised numbers [frames, dim] of a run's tokens [ceil(frames / D), Q]."""
    codes = torch.from_numpy(tokens).long().to(next(network.parameters()).device)
    return network.decode(codes).T[:frames].cpu().numpy()


@torch.inference_mode()
def decode_batch(network: MotionTokenizer, runs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Normalised numbers [T * D, dim] of the tokens [T, Q] of each run, decoded at once, as if each were alone."""
    device = next(network.parameters()).device
    tokens = np.zeros((len(runs), max(map(len, runs)), network.quantizer.levels), np.int64)
    mask = np.zeros((len(runs), 1, tokens.shape[1]), np.float32)
    for i, run in enumerate(runs):
        tokens[i, : len(run)], mask[i, :, : len(run)] = run, 1
    codes = network.quantizer.decode(torch.from_numpy(tokens).to(device))
    made = network.decoder(codes, torch.from_numpy(mask).to(device)).transpose(1, 2).cpu().numpy()
    return [one[: len(run) * network.downsampling] for one, run in zip(made, runs, strict=True)]
