from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizer_cases import TINY

from nonverbal.tokenizers.model import MotionTokenizer, load_model, save_model
from nonverbal.tokenizers.motion import Batch, Motion, collate
from nonverbal.tokenizers.settings import Codebook, Network

DIM = 51


def sequences(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.normal(size=(length, DIM)).astype(np.float32) for length in lengths]


def padded(batch: Batch, more: int, value: float) -> Batch:
    """The same batch with more padding, which holds another value."""

    def wide(x: torch.Tensor, fill: float) -> torch.Tensor:
        return torch.nn.functional.pad(x, (0, more), value=fill)

    values = torch.where(wide(batch.mask, 0) > 0, wide(batch.values, 0), torch.tensor(value))
    return Batch(values, torch.nn.functional.pad(batch.known, (0, more)), wide(batch.mask, 0))


def learned(batch: Batch) -> tuple[MotionTokenizer, torch.Tensor, torch.Tensor]:
    """A model after two training passes over a batch, and what the second made."""
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, TINY).train()
    for _ in range(2):
        torch.manual_seed(1)
        output = model(batch.values, batch.mask)
    return model, output.tokens, output.made


def test_padding_changes_neither_codes_nor_codebook() -> None:
    batch = collate(sequences(40, 19, 64))
    model, tokens, made = learned(batch)
    other, more_tokens, more_made = learned(padded(batch, more=48, value=1e3))
    assert torch.equal(more_tokens[:, :8], tokens)
    assert (more_tokens[:, 8:] == -1).all()
    inside = batch.mask.expand_as(made) > 0
    torch.testing.assert_close(more_made[..., :64][inside], made[inside])
    for name, value in model.quantizer.state_dict().items():
        torch.testing.assert_close(other.quantizer.state_dict()[name], value, msg=name)


def test_only_own_tokens_enter_the_moving_average() -> None:
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, TINY).train()
    batch = collate(sequences(40, 19, 64))  # 5 + 3 + 8 tokens
    model(batch.values, batch.mask)
    before = model.quantizer._codebook.cluster_size.clone()
    output = model(batch.values, batch.mask)
    counts = torch.bincount(output.tokens[output.tokens >= 0], minlength=16).float()
    assert counts.sum() == 16
    expected = 0.9 * before[0] + 0.1 * counts
    alive = expected >= TINY.codebook.dead_below
    torch.testing.assert_close(model.quantizer._codebook.cluster_size[0][alive], expected[alive])


def test_codes_and_commitment_are_on_the_unit_sphere() -> None:
    batch = collate(sequences(40, 19))
    model, _, _ = learned(batch)
    torch.testing.assert_close(model.quantizer.codebook.norm(dim=1), torch.ones(16))
    latents = model.encoder(batch.values, batch.mask)
    own = (latents / latents.norm(dim=1, keepdim=True)).transpose(1, 2)[batch.mask[:, 0, ::8] > 0]
    codebook = model.quantizer.codebook.clone()
    output = model(batch.values, batch.mask)
    nearest = codebook[output.tokens[output.tokens >= 0]]
    expected = TINY.codebook.commitment * ((own - nearest) ** 2).mean()
    torch.testing.assert_close(output.commitment.squeeze(), expected)


def test_an_unused_code_is_replaced() -> None:
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, TINY).train()
    batch = collate(sequences(64, 64))
    model(batch.values, batch.mask)
    state = model.quantizer._codebook
    state.cluster_size[0, 3], state.embed_avg[0, 3] = 1e-6, 1e-6 * torch.tensor([1.0, 0, 0, 0])
    state.embed[0, 3] = -model.quantizer.codebook.mean(dim=0) / model.quantizer.codebook.mean(dim=0).norm()
    before = state.embed[0, 3].clone()
    model(batch.values, batch.mask)
    assert state.cluster_size[0, 3] >= TINY.codebook.dead_below
    assert (state.embed[0, 3] - before).norm() > 0.1


def test_a_sequence_has_the_same_tokens_in_any_company() -> None:
    batch = collate(sequences(40, 19, 64, 8))
    model, _, _ = learned(batch)
    model.eval()
    together = model(batch.values, batch.mask).tokens
    for i, one in enumerate(sequences(40, 19, 64, 8)):
        alone = model.tokenize(collate([one]).values[0])
        assert torch.equal(alone, together[i][together[i] >= 0])


def test_decoded_tokens_are_the_models_reconstruction() -> None:
    batch = collate(sequences(43))
    model, _, _ = learned(batch)
    model.eval()
    assert torch.equal(model.decode(model.tokenize(batch.values[0])), model(batch.values, batch.mask).made[0].detach())


@pytest.mark.parametrize(("dim", "latent", "millions"), [(53, 8, 25.4), (117, 16, 25.6)])
def test_the_paper_sizes_have_about_the_papers_number_of_parameters(dim: int, latent: int, millions: float) -> None:
    codebook = Codebook(size=512, dim=latent, decay=0.99, commitment=0.02, dead_below=1)
    with torch.device("meta"):
        settings = TINY.model_copy(update={"codebook": codebook, "network": Network(width=512, depth=3)})
        model = MotionTokenizer(dim, settings)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def test_a_saved_model_is_the_same_model(motion: Motion, tmp_path: Path) -> None:
    batch = collate(sequences(64))
    model, _, _ = learned(batch)
    save_model(tmp_path / "model.pt", model, TINY, "face", motion.scale)
    again, scale = load_model(tmp_path / "model.pt")
    assert torch.equal(again.tokenize(batch.values[0]), model.eval().tokenize(batch.values[0]))
    np.testing.assert_array_equal(scale.std, motion.scale.std)
    assert scale.layout.name == "open_face"
