import pytest
import torch
from tokenizer_cases import TINY

from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.tokenizers.losses import Count, losses
from nonverbal.tokenizers.model import Output
from nonverbal.tokenizers.motion import Batch
from nonverbal.tokenizers.settings import Losses


def scene(
    made: torch.Tensor, known: torch.Tensor, settings: Losses = TINY.losses, layout: Layout = OPEN_FACE
) -> dict[str, float]:
    batch = Batch(torch.zeros_like(made), known, torch.ones_like(made[:, :1]))
    output = Output(made, torch.zeros(1, 1), torch.tensor(0.25))
    return {name: value.item() for name, value in losses(output, batch, layout, settings).items()}


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


BODY = Losses(
    reconstruction="l1", velocity=0.5, by_group=True,
    groups={"upper_body": 1, "left_hand": 2, "right_hand": 3},
    velocity_groups={"upper_body": 4, "left_hand": 5, "right_hand": 6},
)  # fmt: skip


def test_the_published_face_by_hand() -> None:
    """53 numbers: expression off by 0.1 then 0.3, jaw off by 0.2 then -0.2, so velocities by 0.2 and -0.4."""
    made = torch.zeros(1, 53, 2)
    made[:, :50] = torch.tensor([0.1, 0.3])
    made[:, 50:] = torch.tensor([0.2, -0.2])
    found = scene(made, torch.ones_like(made, dtype=torch.bool), layout=FLAME_FACE)
    assert found["reconstruction"] == pytest.approx(1 * 0.2 + 5 * 0.2)
    assert found["velocity"] == pytest.approx(1 * 0.2 + 5 * 0.4)
    assert found["total"] == pytest.approx(1.2 + 0.5 * 2.2 + 0.25)


def test_the_body_by_hand_with_a_hand_unseen() -> None:
    made = torch.zeros(1, 117, 3)
    made[:, :27], made[:, 27:72], made[:, 72:] = 1.0, torch.tensor([0.0, 2.0, 2.0]), 7.0
    known = torch.ones_like(made, dtype=torch.bool)
    known[:, 72:] = False
    known[:, 27:72, 2] = False  # its velocity is known between the first two frames alone
    found = scene(made, known, BODY, SMPLX_BODY)
    assert found["reconstruction"] == pytest.approx(1 * 1 + 2 * (0 + 2) / 2)
    assert found["velocity"] == pytest.approx(5 * 2)


@pytest.mark.parametrize(("distance", "expected"), [("l1", 2.0), ("l2", 4.0), ("smooth_l1", 1.5)])
def test_distances_by_hand(distance: str, expected: float) -> None:
    settings = TINY.losses.model_copy(update={"reconstruction": distance, "by_group": False})
    made = torch.full((1, 51, 4), 2.0)
    found = scene(made, torch.ones_like(made, dtype=torch.bool), settings)
    assert found["reconstruction"] == pytest.approx(expected)
    assert found["velocity"] == 0


def test_without_groups_every_known_number_counts_the_same() -> None:
    settings = TINY.losses.model_copy(update={"by_group": False})
    made = torch.zeros(1, 51, 2)
    made[:, 48:] = 4.0
    known = torch.ones_like(made, dtype=torch.bool)
    known[:, :39] = False
    assert scene(made, known, settings)["reconstruction"] == pytest.approx(3 * 4 / 12)


def test_losses_of_shares_average_to_the_loss_of_all() -> None:
    """Two processes that know unlike many numbers: sums over the mean count."""
    rng = torch.Generator().manual_seed(0)
    made, known = torch.randn(2, 51, 8, generator=rng), torch.rand(2, 51, 8, generator=rng) < 0.5
    known[1, :, 2:] = False
    batch = Batch(torch.zeros_like(made), known, torch.ones_like(made[:, :1]))
    output = Output(made, torch.zeros(1, 1), torch.tensor(0.0))
    whole = losses(output, batch, OPEN_FACE, TINY.losses)["reconstruction"]
    asked: list[list[torch.Tensor]] = [[], []]

    def part(i: int, share: Count) -> torch.Tensor:
        one = Batch(*(x[i : i + 1] for x in (batch.values, batch.known, batch.mask)))
        return losses(Output(made[i : i + 1], output.tokens, output.commitment), one, OPEN_FACE, TINY.losses, share)[
            "reconstruction"
        ]

    for i in range(2):
        part(i, lambda count, i=i: asked[i].append(count) or count)
    means = [torch.stack(pair).float().mean() for pair in zip(*asked, strict=True)]
    shared = []
    for i in range(2):
        left = list(means)
        shared.append(part(i, lambda _, left=left: left.pop(0)))
    torch.testing.assert_close(torch.stack(shared).mean(), whole)
