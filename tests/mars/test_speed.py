import time

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from nonverbal.mars import speed
from nonverbal.mars.speed import Cost, Meter, peak

SHAPE = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
def test_a_token_costs_six_flops_a_weight_that_multiplies_and_what_it_attends_to(tied):
    cost = Cost.of(AutoModelForCausalLM.from_config(LlamaConfig(**SHAPE, tie_word_embeddings=tied)))
    block = 16 * 16 * 2 + 16 * 8 * 2 + 3 * 16 * 40 + 2 * 16  # queries and output, keys and values, gates, norms
    assert cost.layers == 6 * (3 * block + 16)
    assert cost.output == 6 * 50 * 16
    assert cost.flops(torch.tensor([10, 30]), 7) == cost.layers * 40 + cost.output * 7 + 6 * 3 * 16 * (100 + 900)


def test_a_frozen_weight_costs_two_thirds():
    cost = Cost(600.0, 60.0, 1.0).frozen(5)
    assert cost == (410.0, 40.0, 1.0)


def test_each_reader_hears_of_the_steps_since_it_last_asked(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(Cost(2.0, 0.0, 0.0), 100.0, 4)
    for lengths, seconds in (([10, 20], 2.0), ([5], 1.0)):
        meter.begin()
        meter.add(lengths, 0)
        now[0] += seconds
        meter.end()
        now[0] += 1000  # validation
        assert meter.speed("live").tokens_a_second == 4 * sum(lengths) / seconds
    both = meter.speed("history")
    assert both == (4 * 35 / 3, pytest.approx(2 * 35 / 3 / 100))
    assert str(both) == "47 tokens/s, MFU 23.3%"


def test_a_peak_is_known_by_the_device_name(monkeypatch):
    assert torch.cuda.is_available() or peak() is None
    monkeypatch.setattr(speed.torch.cuda, "is_available", lambda: True)
    for name, flops in (("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("Some GPU", None)):
        monkeypatch.setattr(speed.torch.cuda, "get_device_name", lambda name=name: name)
        assert peak() == flops
    assert str(Meter(Cost(1.0, 0.0, 0.0), None, 1).speed("live")) == "0 tokens/s"
