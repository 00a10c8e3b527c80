import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from nonverbal.mars.encode import IGNORED, Encoded
from nonverbal.mars.packing import alone, collate, pack

SIZES = {
    "vocab_size": 40, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.3,
}  # fmt: skip


def sample(size: int, seed: int = 0) -> Encoded:
    """Random tokens, of which the answer is the second half."""
    return Encoded(np.random.default_rng([size, seed]).integers(1, 40, size).astype(np.int32), size // 2, 1)


@pytest.fixture(params=[(LlamaConfig, "sdpa"), (LlamaConfig, "eager"), (Qwen2Config, "sdpa")])
def model(request):
    kind, attention = request.param
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(kind(**SIZES), attn_implementation=attention).eval()


@given(st.lists(st.integers(2, 40), max_size=40))
def test_packs_hold_every_sample_once_and_whole(sizes):
    samples = [sample(size, i) for i, size in enumerate(sizes)]
    packs = pack(samples, 40)
    assert sorted(id(one) for each in packs for one in each) == sorted(map(id, samples))
    assert all(each and sum(len(one.ids) for one in each) <= 40 for each in packs)
    least = math.ceil(sum(sizes) / 40)
    assert least <= len(packs) <= max(least, math.floor(1.7 * least))  # best fit's bound
    again = pack(samples, 40)
    assert [[id(one) for one in each] for each in packs] == [[id(one) for one in each] for each in again]


def test_a_packed_sample_has_the_logits_of_the_sample_alone(model):
    packs = [[sample(9), sample(17), sample(5)], [sample(11), sample(2)]]  # the second row is padded
    inputs = collate(packs, pad=0)
    labels = inputs.pop("labels")
    with torch.no_grad():
        packed = model(**inputs, use_cache=False).logits
        for row, samples in enumerate(packs):
            at = 0
            for one in samples:
                ids = torch.from_numpy(one.ids).long()[None]
                single = model(ids, use_cache=False).logits[0]
                here = packed[row, at : at + len(one.ids)]
                torch.testing.assert_close(here, single, atol=2e-5, rtol=1e-4)
                at += len(one.ids)
            assert (labels[row, at:] == IGNORED).all()
        unaware = model(inputs["input_ids"], use_cache=False).logits
    assert not torch.allclose(unaware[0, 9:26], packed[0, 9:26], atol=0.1)  # attention across the border would show


@pytest.mark.parametrize("loss", ["answer", "all"])
def test_the_gradient_of_a_pack_is_that_of_its_samples(model, loss):
    samples = [sample(9), sample(17), sample(5)]
    gradients = []
    for packs in ([samples], alone(samples)):
        inputs = collate(packs, pad=0, loss=loss)
        model.zero_grad()
        model(**inputs, use_cache=False, num_items_in_batch=20).loss.backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("loss", ["answer", "all"])
def test_loss_counts_neither_padding_nor_the_first_token_of_a_sample(loss):
    packs = [[sample(9), sample(6)], [sample(5)]]
    labels = collate(packs, pad=0, loss=loss)["labels"]
    firsts = [(0, 0, 9), (0, 9, 6), (1, 0, 5)]
    counted = torch.full_like(labels, False, dtype=torch.bool)
    for row, at, size in firsts:
        counted[row, at + (1 if loss == "all" else size // 2) : at + size] = True
    assert torch.equal(labels != IGNORED, counted)
