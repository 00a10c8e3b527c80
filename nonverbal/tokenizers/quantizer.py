"""Latents to tokens and back: a codebook, residual codebooks, or a finite scalar quantizer.

The quantizers are vector-quantize-pytorch's; here they get one interface. Everything that they learn is in buffers,
so that a state dict holds it: codes, their moving averages, and whether they have been initialised.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ, ResidualVQ, VectorQuantize

from nonverbal.tokenizers.settings import Codebook

PADDING = -1  # the token of what is no sequence's own, and of quantizers that a batch drops


class Quantizer(nn.Module):
    """Latents [B, C, T] to codes of that shape, tokens and the weighted commitment loss.

    Args:
        settings: which quantizer, and its sizes.

    Attributes:
        levels: tokens a place, Q.
        size: codes a level.
    """

    levels: int
    size: int

    def __init__(self, settings: Codebook) -> None:
        super().__init__()
        self.levels, self.size = settings.quantizers, settings.size
        self.normalised = settings.normalised and not settings.levels
        self.layer: Any = make_layer(settings)

    def forward(self, latents: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantize; in training, a learned codebook follows the latents under the mask [B, 1, T] and no others.

        Returns:
            Codes [B, C, T], tokens int64 [B, T, Q] (PADDING beyond the mask), and the loss, a scalar.
        """
        with torch.autocast(latents.device.type, enabled=False):  # near codes differ by less than bf16 tells apart
            return self._quantize(latents.float(), mask)

    def _quantize(self, latents: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Under a mask VectorQuantize compares codes with its raw input: normalised here, it is on the sphere.
        rows = self._place(latents).transpose(1, 2)
        own = mask[:, 0] > 0
        if isinstance(self.layer, FSQ):
            codes, tokens = self.layer(rows)
            tokens, loss = tokens.long().masked_fill(~own, PADDING), rows.new_zeros(())
        else:
            codes, tokens, loss = self.layer(rows, mask=own)
        return codes.transpose(1, 2), tokens.reshape(*own.shape, self.levels), loss.sum()

    def _place(self, latents: Tensor) -> Tensor:
        """Latents where codes are: on the unit sphere, or as they are."""
        return F.normalize(latents, dim=1) if self.normalised else latents

    def decode(self, tokens: Tensor) -> Tensor:
        """Codes [B, C, T] of tokens [B, T, Q]."""
        if isinstance(self.layer, ResidualVQ):
            return self.layer.get_output_from_indices(tokens).transpose(1, 2)
        if isinstance(self.layer, FSQ):
            return self.layer.indices_to_codes(tokens[..., 0]).transpose(1, 2)
        return self.layer.get_output_from_indices(tokens[..., 0]).transpose(1, 2)

    @torch.no_grad()
    def codes(self) -> Tensor:
        """The codes of all tokens of a quantizer with one level, [K, C]."""
        return self.decode(torch.arange(self.size)[None, :, None])[0].T


def make_layer(settings: Codebook) -> nn.Module:
    """The library's quantizer for some settings."""
    if settings.levels:
        return FSQ(levels=list(settings.levels), dim=settings.dim)
    shared = {
        "dim": settings.dim,
        "codebook_size": settings.size,
        "decay": settings.decay,
        "commitment_weight": settings.commitment,
        "threshold_ema_dead_code": settings.dead_below,
        "use_cosine_sim": settings.normalised,
        "kmeans_init": settings.initialisation == "kmeans",
        "rotation_trick": settings.gradient == "rotation",
        "stochastic_sample_codes": settings.temperature > 0,
        "sample_codebook_temp": settings.temperature,
    }
    if settings.quantizers > 1:
        return ResidualVQ(num_quantizers=settings.quantizers, quantize_dropout=settings.dropout, **shared)
    return VectorQuantize(**shared)


def used(tokens: Tensor, size: int) -> Tensor:
    """How often each code of each level occurs in tokens [B, T, Q], int64 [Q, size]; padding does not count."""
    rows = tokens.flatten(0, 1).T
    counts = torch.zeros(len(rows), size + 1, dtype=torch.long, device=tokens.device)
    return counts.scatter_add_(1, rows + 1, torch.ones_like(rows))[:, 1:]
