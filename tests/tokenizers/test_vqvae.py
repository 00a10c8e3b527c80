from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizer_cases import TINY, tiny

from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE, OPEN_FACE
from nonverbal.tokenizers.model import MotionTokenizer, load_model, save_model
from nonverbal.tokenizers.motion import Batch, Motion, collate
from nonverbal.tokenizers.quantizer import used
from nonverbal.tokenizers.settings import Network, Tokenizer

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


def learned(batch: Batch, settings: Tokenizer = TINY) -> tuple[MotionTokenizer, torch.Tensor, torch.Tensor]:
    """A model after two training passes over a batch, and what the second made."""
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, settings).train()
    for _ in range(2):
        torch.manual_seed(1)
        output = model(batch.values, batch.mask)
    return model, output.tokens, output.made


# Every kind of quantizer that a row of table 3 may have.
KINDS = {
    "ours": TINY,
    "random": tiny(initialisation="random"),
    "rotation": tiny(gradient="rotation"),
    "euclidean": tiny(normalised=False),
    "residual": tiny(normalised=False, quantizers=3, dropout=True),
    "fsq": tiny(levels=(4, 4)),
}
SAMPLED = tiny(temperature=0.5)


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_padding_changes_neither_codes_nor_codebook(settings: Tokenizer) -> None:
    batch = collate(sequences(40, 19, 64), 8)
    model, tokens, made = learned(batch, settings)
    other, more_tokens, more_made = learned(padded(batch, more=48, value=1e3), settings)
    assert torch.equal(more_tokens[:, :8], tokens)
    assert (more_tokens[:, 8:] == -1).all()
    inside = batch.mask.expand_as(made) > 0
    torch.testing.assert_close(more_made[..., :64][inside], made[inside])
    for name, value in model.quantizer.state_dict().items():
        torch.testing.assert_close(other.quantizer.state_dict()[name], value, msg=name)


@pytest.mark.parametrize("settings", [*KINDS.values(), SAMPLED], ids=[*KINDS, "sampled"])
def test_gradients_reach_the_encoder_and_the_state_dict_holds_all(settings: Tokenizer) -> None:
    batch = collate(sequences(40, 19, 64), 8)
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, settings).train()
    output = model(batch.values, batch.mask)
    (output.made.square().mean() + output.commitment).backward()
    assert model.encoder.first.weight.grad.abs().sum() > 0
    again = MotionTokenizer(DIM, settings).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.tokenize(batch.values, batch.mask), model.eval().tokenize(batch.values, batch.mask))


def test_nothing_of_a_learned_codebook_is_a_parameter() -> None:
    for settings in (TINY, KINDS["residual"]):
        model = MotionTokenizer(DIM, settings)
        assert list(model.quantizer.parameters()) == []
        saved = {name.rsplit(".", 1)[-1] for name in model.quantizer.state_dict()}
        assert saved == {"embed", "embed_avg", "cluster_size", "initted"}


def test_sampled_codes_are_not_the_nearest_in_training_alone() -> None:
    batch = collate(sequences(64, 64), 8)
    model, _, _ = learned(batch, SAMPLED)
    nearest = model.eval().tokenize(batch.values, batch.mask)
    assert torch.equal(model.tokenize(batch.values, batch.mask), nearest)
    assert (model.train()(batch.values, batch.mask).tokens != nearest).any()


def test_residual_quantizers_leave_less_over_one_by_one() -> None:
    batch = collate(sequences(512, 512, 320), 8)
    model, _, _ = learned(batch, tiny(normalised=False, quantizers=3))
    model.eval()
    latents = model.encoder(batch.values, batch.mask)
    tokens = model.tokenize(batch.values, batch.mask)
    assert tokens.shape == (3, 64, 3)
    codebooks = model.quantizer.layer.codebooks
    own = tokens[..., 0] >= 0
    left = latents.transpose(1, 2)[own]
    sizes = [left.square().mean().item()]
    for level in range(3):
        left = left - codebooks[level][tokens[..., level][own]]
        sizes.append(left.square().mean().item())
    assert sizes == sorted(sizes, reverse=True)


def test_a_finite_scalar_quantizer_has_the_product_of_its_levels() -> None:
    model, tokens, _ = learned(collate(sequences(64, 64, 40), 8), KINDS["fsq"])
    assert model.quantizer.size == 16
    assert tokens.max() < 16
    assert len(tokens.unique()) > 2


@pytest.mark.parametrize("initialisation", ["kmeans", "random"])
def test_a_codebook_larger_than_the_data_learns(initialisation: str) -> None:
    batch = collate(sequences(16, 9), 8)  # 4 tokens for 64 codes
    model, _, made = learned(batch, tiny(size=64, initialisation=initialisation))
    assert made.isfinite().all()
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_only_own_tokens_enter_the_moving_average() -> None:
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, TINY).train()
    batch = collate(sequences(40, 19, 64), 8)  # 5 + 3 + 8 tokens
    model(batch.values, batch.mask)
    codebook = model.quantizer.layer._codebook
    before = codebook.cluster_size.clone()
    output = model(batch.values, batch.mask)
    counts = used(output.tokens, 16)[0].float()
    assert counts.sum() == 16
    expected = 0.9 * before[0] + 0.1 * counts
    alive = expected >= TINY.codebook.dead_below
    torch.testing.assert_close(codebook.cluster_size[0][alive], expected[alive])


def test_codes_and_commitment_are_on_the_unit_sphere() -> None:
    batch = collate(sequences(40, 19), 8)
    model, _, _ = learned(batch)
    codebook = model.quantizer.layer.codebook.clone()
    torch.testing.assert_close(codebook.norm(dim=1), torch.ones(16))
    latents = model.encoder(batch.values, batch.mask)
    own = (latents / latents.norm(dim=1, keepdim=True)).transpose(1, 2)[batch.mask[:, 0, ::8] > 0]
    output = model(batch.values, batch.mask)
    nearest = codebook[output.tokens[output.tokens >= 0]]
    expected = TINY.codebook.commitment * ((own - nearest) ** 2).mean()
    torch.testing.assert_close(output.commitment, expected)


def test_an_unused_code_is_replaced() -> None:
    torch.manual_seed(0)
    model = MotionTokenizer(DIM, TINY).train()
    batch = collate(sequences(64, 64), 8)
    model(batch.values, batch.mask)
    state = model.quantizer.layer._codebook
    state.cluster_size[0, 3], state.embed_avg[0, 3] = 1e-6, 1e-6 * torch.tensor([1.0, 0, 0, 0])
    state.embed[0, 3] = -state.embed[0].mean(dim=0) / state.embed[0].mean(dim=0).norm()
    before = state.embed[0, 3].clone()
    model(batch.values, batch.mask)
    assert state.cluster_size[0, 3] >= TINY.codebook.dead_below
    assert (state.embed[0, 3] - before).norm() > 0.1


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_a_sequence_has_the_same_tokens_in_any_company(settings: Tokenizer) -> None:
    lengths = (40, 19, 64, 8, 1)
    batch = collate(sequences(*lengths), 8)
    model, _, _ = learned(batch, settings)
    model.eval()
    together = model(batch.values, batch.mask).tokens
    for i, one in enumerate(sequences(*lengths)):
        alone = collate([one], 8)
        assert torch.equal(model.tokenize(alone.values, alone.mask)[0], together[i][together[i, :, 0] >= 0])


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_decoded_tokens_are_the_models_reconstruction(settings: Tokenizer) -> None:
    batch = collate(sequences(43), 8)
    model, _, _ = learned(batch, settings)
    model.eval()
    tokens = model.tokenize(batch.values, batch.mask)[0]
    assert torch.equal(model.decode(tokens), model(batch.values, batch.mask).made[0].detach())


@pytest.mark.parametrize("downsampling", [2, 4, 16])
def test_the_network_makes_a_token_of_so_many_frames(downsampling: int) -> None:
    settings = TINY.model_copy(update={"network": Network(width=16, depth=2, downsampling=downsampling)})
    batch = collate(sequences(40, 19), downsampling)
    _, tokens, made = learned(batch, settings)
    assert tokens.shape == (2, -(-40 // downsampling), 1)
    assert (tokens[1, :, 0] >= 0).sum() == -(-19 // downsampling)
    assert made.shape == batch.values.shape


@pytest.mark.parametrize(("dim", "latent", "millions"), [(53, 8, 25.4), (117, 16, 25.6)])
def test_the_paper_sizes_have_about_the_papers_number_of_parameters(dim: int, latent: int, millions: float) -> None:
    network = Network(width=512, depth=3, downsampling=8)
    with torch.device("meta"):
        model = MotionTokenizer(dim, tiny(size=512, dim=latent).model_copy(update={"network": network}))
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def test_a_saved_model_is_the_same_model(motion: Motion, tmp_path: Path) -> None:
    batch = collate(sequences(64), 8)
    model, _, _ = learned(batch)
    save_model(tmp_path / "model.pt", model, TINY, "face", motion.scale)
    again = load_model(tmp_path / "model.pt", OPEN_FACE)
    assert torch.equal(again.tokenize(batch.values, batch.mask), model.eval().tokenize(batch.values, batch.mask))


def test_a_model_of_another_layout_is_told_in_a_sentence(motion: Motion, tmp_path: Path) -> None:
    save_model(tmp_path / "model.pt", MotionTokenizer(DIM, TINY), TINY, "face", motion.scale)
    with pytest.raises(UserError, match="layout open_face, these are of layout flame"):
        load_model(tmp_path / "model.pt", FLAME_FACE)
