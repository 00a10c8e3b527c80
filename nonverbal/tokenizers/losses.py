"""Losses of the motion tokenizer (paper, appendix B.1): by group of the layout, over what is known."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nonverbal.layouts import Layout
from nonverbal.tokenizers.model import Output
from nonverbal.tokenizers.motion import Batch
from nonverbal.tokenizers.settings import Losses

DISTANCES = {"l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss, "l2": F.mse_loss}


def losses(output: Output, batch: Batch, layout: Layout, settings: Losses) -> dict[str, Tensor]:
    """Reconstruction, velocity, commitment and their weighted total; each a scalar."""
    known_steps = batch.known[..., 1:] & batch.known[..., :-1]
    reconstruction = by_group(output.made, batch.values, batch.known, layout, settings.groups, settings)
    steps = output.made.diff(dim=-1), batch.values.diff(dim=-1)
    velocity = by_group(*steps, known_steps, layout, settings.velocity_groups, settings)
    commitment = output.commitment.sum()
    total = reconstruction + settings.velocity * velocity + commitment
    return {"total": total, "reconstruction": reconstruction, "velocity": velocity, "commitment": commitment}


def by_group(
    made: Tensor, truth: Tensor, known: Tensor, layout: Layout, weights: dict[str, float], settings: Losses
) -> Tensor:
    """Weighted sum over groups of the mean distance over known numbers; made, truth, known [B, dim, T]."""
    distance = DISTANCES[settings.reconstruction](made, truth, reduction="none")
    means = [
        weights[group] * masked_mean(distance[:, where], known[:, where])
        for group, where in layout.training_slices().items()
    ]
    return torch.stack(means).sum()


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """Mean over what is known; 0 where nothing is."""
    return (values * known).sum() / known.sum().clamp(min=1)
