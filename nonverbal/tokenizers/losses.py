"""Losses of the motion tokenizer (paper, appendix B.1): by group of the layout, over what is known."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from nonverbal.layouts import Layout
from nonverbal.tokenizers.model import Output
from nonverbal.tokenizers.motion import Batch
from nonverbal.tokenizers.settings import Losses

Count = Callable[[Tensor], Tensor]
DISTANCES = {"l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss, "l2": F.mse_loss}


def alone(count: Tensor) -> Tensor:
    """What means divide by in a process that has all of the batch."""
    return count


def losses(output: Output, batch: Batch, layout: Layout, settings: Losses, share: Count = alone) -> dict[str, Tensor]:
    """Reconstruction, velocity, commitment and their weighted total; each a scalar.

    Args:
        output, batch: what a pass made, and of what.
        layout: names the groups.
        settings: distance and weights.
        share: what means divide by, given how many numbers are known here; several processes need the mean of that.
            The commitment, a mean over the tokens here, weighs by their number likewise.
    """
    known_steps = batch.known[..., 1:] & batch.known[..., :-1]
    made = output.made.float()
    reconstruction = by_group(made, batch.values, batch.known, layout, settings.groups, settings, share)
    steps = made.diff(dim=-1), batch.values.diff(dim=-1)
    velocity = by_group(*steps, known_steps, layout, settings.velocity_groups, settings, share)
    tokens = (output.tokens[..., 0] >= 0).sum()
    commitment = output.commitment * (tokens / share(tokens))
    total = reconstruction + settings.velocity * velocity + commitment
    return {"total": total, "reconstruction": reconstruction, "velocity": velocity, "commitment": commitment}


def by_group(
    made: Tensor, truth: Tensor, known: Tensor, layout: Layout, weights: dict[str, float], settings: Losses,
    share: Count = alone,
) -> Tensor:  # fmt: skip
    """Weighted sum over groups of the mean distance over known numbers; made, truth, known [B, dim, T]."""
    distance = DISTANCES[settings.reconstruction](made, truth, reduction="none")
    if not settings.by_group:
        return masked_mean(distance, known, share)
    means = [
        weights[group] * masked_mean(distance[:, where], known[:, where], share)
        for group, where in layout.training_slices().items()
    ]
    return torch.stack(means).sum()


def masked_mean(values: Tensor, known: Tensor, share: Count) -> Tensor:
    """Mean over what is known; 0 where nothing is."""
    return (values * known).sum() / share(known.sum()).clamp(min=1)
