"""Runs longer than a window: the tokens of the whole run, whatever the window and the batch."""

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizer_cases import tiny

from nonverbal.layouts import OPEN_FACE
from nonverbal.tokenizers.model import Encoder, MotionTokenizer
from nonverbal.tokenizers.motion import Motion, Scale, collate
from nonverbal.tokenizers.settings import Network
from nonverbal.tokenizers.streaming import decode_batch, decode_run, encode_runs, receptive_field

LENGTHS = (700, 1, 9, 333, 64, 2)


def long_motion() -> Motion:
    """Runs of unlike lengths with numbers unknown for long stretches."""
    rng = np.random.default_rng(1)
    array = rng.normal(size=(sum(LENGTHS), OPEN_FACE.dim)).astype(np.float32)
    array[100:500, 3], array[20:660, 7], array[:, 9] = np.nan, np.nan, np.nan
    scale = Scale(OPEN_FACE, np.zeros(OPEN_FACE.dim, np.float32), np.ones(OPEN_FACE.dim, np.float32))
    return Motion(array, pd.DataFrame(), scale)


RUNS = [(sum(LENGTHS[:i]), length) for i, length in enumerate(LENGTHS)]


def model(downsampling: int = 8, **codebook: object) -> MotionTokenizer:
    torch.manual_seed(0)
    network = Network(width=16, depth=3, downsampling=downsampling)
    settings_ = tiny(initialisation="random", **codebook).model_copy(update={"network": network})
    return MotionTokenizer(OPEN_FACE.dim, settings_).eval()


@pytest.mark.parametrize("downsampling", [4, 8])
def test_the_receptive_field_is_what_gradients_reach(downsampling: int) -> None:
    torch.manual_seed(0)
    encoder = Encoder(3, 4, Network(width=8, depth=3, downsampling=downsampling))
    values = torch.randn(1, 3, 1024, requires_grad=True)
    latents = encoder(values, torch.ones(1, 1, 1024))
    token = 512 // downsampling
    latents[..., token].abs().sum().backward()
    reached = torch.nonzero(values.grad.abs().sum(dim=(0, 1))).flatten()
    first, last = token * downsampling, (token + 1) * downsampling - 1
    assert receptive_field(encoder) == (first - reached.min().item(), reached.max().item() - last)


@pytest.mark.parametrize(("window", "batch_frames"), [(7, 900), (40, 1), (88, 10_000)])
def test_tokens_depend_on_neither_window_nor_batch(window: int, batch_frames: int) -> None:
    motion, network = long_motion(), model()
    whole = [network.tokenize(*whole_run(motion, run))[0].numpy() for run in RUNS]
    streamed = encode_runs(motion, network, RUNS, window, batch_frames)
    for one, other in zip(whole, streamed, strict=True):
        np.testing.assert_array_equal(other, one)


def whole_run(motion: Motion, run: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    batch = collate([motion.read(run)], 8)
    return batch.values, batch.mask


def test_less_overlap_than_the_receptive_field_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    motion, network = long_motion(), model()
    whole = encode_runs(motion, network, RUNS[:1], window=88)[0]
    monkeypatch.setattr("nonverbal.tokenizers.streaming.receptive_field", lambda encoder: (0, 0))
    assert (encode_runs(motion, network, RUNS[:1], window=4)[0] != whole).any()


def test_residual_tokens_of_another_rate_stream_too() -> None:
    motion, network = long_motion(), model(downsampling=4, normalised=False, quantizers=3)
    whole, streamed = (encode_runs(motion, network, RUNS, window) for window in (500, 7))
    for one, other, length in zip(whole, streamed, LENGTHS, strict=True):
        assert one.shape == (-(-length // 4), 3)
        np.testing.assert_array_equal(other, one)


def test_a_decoded_run_has_its_frames(motion: Motion) -> None:
    network = model()
    tokens = encode_runs(motion, network, [(0, 43)])[0]
    assert decode_run(network, tokens, 43).shape == (43, OPEN_FACE.dim)


def test_runs_decoded_at_once_are_as_each_alone() -> None:
    motion, network = long_motion(), model()
    tokens = encode_runs(motion, network, RUNS)
    for one, run in zip(decode_batch(network, tokens), tokens, strict=True):
        assert one.shape == (8 * len(run), OPEN_FACE.dim)
        np.testing.assert_allclose(one, decode_run(network, run, 8 * len(run)), atol=1e-5)
