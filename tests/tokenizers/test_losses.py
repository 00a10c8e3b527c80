import pytest
import torch
from tokenizer_cases import TINY

from nonverbal.layouts import OPEN_FACE
from nonverbal.tokenizers.losses import losses
from nonverbal.tokenizers.model import Output
from nonverbal.tokenizers.motion import Batch


def scene(made: torch.Tensor, known: torch.Tensor) -> dict[str, float]:
    batch = Batch(torch.zeros_like(made), known, torch.ones_like(made[:, :1]))
    output = Output(made, torch.zeros(1, 1), torch.tensor([0.25]))
    return {name: value.item() for name, value in losses(output, batch, OPEN_FACE, TINY.losses).items()}


def test_groups_are_weighted_means_over_known_numbers() -> None:
    made = torch.zeros(1, 51, 8)
    made[:, :48, :], made[:, 48:, :] = 2.0, 3.0
    known = torch.ones_like(made, dtype=torch.bool)
    found = scene(made, known)
    assert found["reconstruction"] == pytest.approx(1 * 2 + 5 * 3)
    assert found["velocity"] == 0
    assert found["total"] == pytest.approx(17 + 0.25)


def test_what_is_unknown_does_not_count() -> None:
    made = torch.ones(1, 51, 8)
    made[:, 10], made[..., 4:] = 1e6, 1e6
    known = torch.ones_like(made, dtype=torch.bool)
    known[:, 10], known[..., 4:] = False, False
    found = scene(made, known)
    assert found["reconstruction"] == pytest.approx(1 + 5)
    assert found["velocity"] == 0


def test_velocity_is_the_difference_of_frames() -> None:
    made = torch.zeros(1, 51, 8)
    made[:, 48:] = torch.arange(8.0)
    found = scene(made, torch.ones_like(made, dtype=torch.bool))
    assert found["velocity"] == pytest.approx(5.0)


def test_nothing_known_is_no_loss() -> None:
    made = torch.ones(1, 51, 8, requires_grad=True)
    assert scene(made, torch.zeros(1, 51, 8, dtype=torch.bool))["reconstruction"] == 0
