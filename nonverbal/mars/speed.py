"""How fast training is: tokens a second, and the share of what the GPU could compute (model FLOPs utilisation)."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

# Dense bfloat16 FLOPs a second with float32 sums, from NVIDIA's data sheets (with sparsity they print twice that); the
# first name that is part of the device's counts.
PEAKS = {
    "B200": 2250e12, "H200": 989e12, "H100 NVL": 835e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12,
    "L40S": 362e12, "A40": 150e12, "L4": 121e12,
}  # fmt: skip


def peak() -> float | None:
    """FLOPs a second that this process's GPU could do; None on a CPU and where the GPU is not known."""
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    return next((flops for part, flops in PEAKS.items() if part in name), None)


class Cost(NamedTuple):
    """FLOPs of training on a token: in the layers' weights, in the output's where the token predicts a label, and in
    attention for each token of its sample.

    A weight costs a multiplication and an addition forward and the same backward for what comes before it, and, where
    it is trained, for itself: 6 for each that is trained, 4 for each that is frozen (Kaplan et al. 2020; Chowdhery et
    al. 2022, appendix B). The input's rows are looked up, so they cost nothing; the output's count also where they are
    the same. Attention: 12 x layers x width for each token seen, of which a causal model sees half its sample. What
    checkpointed activations cost again does not count.
    """

    layers: float
    output: float
    attention: float

    @classmethod
    def of(cls, model: PreTrainedModel) -> "Cost":
        """What a model costs of which all weights are trained."""
        config = model.config
        rows = config.vocab_size * config.hidden_size
        weights = model.num_parameters() - rows * (1 if config.tie_word_embeddings else 2)
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        width = config.num_attention_heads * head
        return cls(6.0 * weights, 6.0 * rows, 6.0 * config.num_hidden_layers * width)

    def frozen(self, trained: int) -> "Cost":
        """What it costs where only so many weights, beside the model's, are trained; they are few."""
        return self._replace(layers=self.layers * 4 / 6 + 2.0 * trained, output=self.output * 4 / 6)

    def flops(self, lengths: torch.Tensor, labels: int) -> float:
        """Of samples of these lengths, with so many labels in all."""
        sizes = lengths.double()
        return float(self.layers * sizes.sum() + self.output * labels + self.attention * sizes.square().sum())


class Speed(NamedTuple):
    """Of all processes together."""

    tokens_a_second: float
    mfu: float | None

    def __str__(self) -> str:
        """For a progress line."""
        return f"{self.tokens_a_second:,.0f} tokens/s" + ("" if self.mfu is None else f", MFU {self.mfu:.1%}")


class Meter:
    """Counts tokens (of samples, not of padding) and FLOPs, and the seconds between `begin` and `end`.

    Args:
        processes: that do as much as this one.
    """

    def __init__(self, cost: Cost, peak: float | None, processes: int) -> None:
        self.cost, self.peak, self.processes = cost, peak, processes
        self.tokens, self.flops, self.seconds = 0, 0.0, 0.0
        self.began: float | None = None
        self.read_at: dict[str, tuple[int, float, float]] = {}

    def begin(self) -> None:
        """Work begins."""
        self.began = time.monotonic()

    def add(self, lengths: Sequence[int], labels: int) -> None:
        """Count samples of these lengths, with so many labels in all."""
        self.tokens += sum(lengths)
        self.flops += self.cost.flops(torch.tensor(lengths), labels)

    def end(self) -> None:
        """A step is done; what comes now is no training."""
        if self.began is not None:
            self.seconds += time.monotonic() - self.began
            self.began = None

    def speed(self, reader: str) -> Speed:
        """Since this reader read it last."""
        now = self.tokens, self.flops, self.seconds
        tokens, flops, seconds = (a - b for a, b in zip(now, self.read_at.get(reader, (0, 0.0, 0.0)), strict=True))
        self.read_at[reader] = now
        seconds = max(seconds, 1e-9)
        return Speed(self.processes * tokens / seconds, flops / seconds / self.peak if self.peak else None)
