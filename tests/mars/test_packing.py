import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from nonverbal.mars.encode import IGNORED, Encoded
from nonverbal.mars.packing import PACKED, alone, collate, in_one_row, pack

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


@pytest.mark.parametrize("kind", [LlamaConfig, Qwen2Config])
def test_all_packs_of_a_batch_in_one_row_are_what_rows_of_them_are(kind):
    packs = [[sample(9), sample(17), sample(5)], [], [sample(11), sample(2)]]
    found = []
    for attention, batch in ((PACKED, in_one_row(packs, pad=0)), ("sdpa", collate([packs[0], packs[2]], pad=0))):
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(kind(**SIZES), attn_implementation=attention)
        loss = model(**batch, use_cache=False, num_items_in_batch=20).loss
        loss.backward()
        found.append((loss, torch.cat([weight.grad.flatten() for weight in model.parameters()])))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_a_row_without_padding_says_where_its_samples_are():
    row = in_one_row([[sample(9), sample(17)], [], [sample(11)]], pad=0)
    assert row["input_ids"].shape == (1, 37) and row["sample_lengths"] == [9, 17, 11]
    assert row["cu_seq_lens_q"].tolist() == [0, 9, 26, 37] and row["cu_seq_lens_q"].dtype == torch.int32
    assert row["max_length_q"] == 17
    empty = in_one_row([[], []], pad=3)
    assert empty["input_ids"].tolist() == [[3]] and empty["labels"].tolist() == [[IGNORED]]


def test_samples_alone_in_padded_rows_need_no_lengths():
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SIZES), attn_implementation=PACKED).eval()
    inputs = collate(alone([sample(9), sample(17)]), pad=0)
    del inputs["labels"]
    with torch.no_grad():
        both = model(**inputs, use_cache=False).logits
        first = model(torch.from_numpy(sample(9).ids).long()[None], use_cache=False).logits
    torch.testing.assert_close(both[:1, :9], first, atol=2e-5, rtol=1e-4)
