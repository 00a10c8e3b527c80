import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from nonverbal.errors import UserError
from nonverbal.layouts import LAYOUTS
from nonverbal.mars.base import add_motion_tokens, base, codebook, project, tiny_tokenizer
from nonverbal.mars.settings import Base, base_models
from nonverbal.models import Repository, registry
from nonverbal.provenance.record import hash_path
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Scale
from nonverbal.tokenizers.settings import Tokenizer

ROOT = Path(__file__).resolve().parents[2]


def make(corpus, folder, chosen, codes=(8, 8), models=(), codebooks=(), marks=False, length=256, seed=0):
    sizes = {"face_codes": codes[0], "body_codes": codes[1], "turn_marks": marks, "length": length, "seed": seed}
    train, record = corpus.records["train"], folder.parent / "b.json"
    base(train, list(models), list(codebooks), folder, record, chosen, **sizes)
    return json.loads(record.read_text())


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


def test_a_motion_token_is_one_token(tokenizer):
    ids = tokenizer("yes<FACE_15><BODY_0> no", add_special_tokens=False)["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    assert tokens == ["yes", "<FACE_15>", "<BODY_0>", "Ġno"]
    assert len(tokenizer("<FACE_16>", add_special_tokens=False)["input_ids"]) > 1  # the codebook has 16


@given(st.text())
@settings(max_examples=50)
def test_no_text_is_unknown(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    marks = {*tokenizer.all_special_ids}
    if not marks & set(ids):
        assert tokenizer.decode(ids) == text.encode("utf-8", "replace").decode()


def test_the_vocabulary_knows_the_training_words_only(tokenizer):
    vocabulary = tokenizer.get_vocab()
    assert "Ġmusic" in vocabulary and "Ġmaybe" in vocabulary
    assert "Ġrhinoceros" not in vocabulary
    assert "Ġrhinoceros" in tiny_tokenizer(iter(["a rhinoceros"]), 300).get_vocab()


def test_chat_template_marks_every_turn(tokenizer):
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert text == "<|start|>user\na<|end|>\n<|start|>assistant\nb<|end|>\n<|start|>assistant\n"


def test_new_rows_are_the_mean_of_the_text_rows(tiny, tokenizer):
    rows = AutoModelForCausalLM.from_pretrained(tiny).get_input_embeddings().weight
    text = len(tokenizer) - 32
    assert rows.shape == (len(tokenizer), 32)
    assert torch.equal(rows[text:], rows[:text].mean(dim=0).expand(32, -1))
    record = json.loads((tiny.parent / "base.json").read_text())
    assert record["new_rows"] == "mean" and record["text_tokens"] == text and record["face_tokens"] == 16


def test_same_seed_same_bytes(corpus, tiny, base_settings, tmp_path):
    for seed in (5, 6):
        make(corpus, tmp_path / f"{seed}", base_settings, (16, 16), seed=seed)
    assert hash_path(tmp_path / "5") == hash_path(tiny)
    assert hash_path(tmp_path / "6") != hash_path(tiny)


@pytest.fixture
def hub_model(tmp_path) -> Path:
    """A folder as from the hub: untied embeddings, and more rows than the tokenizer has tokens."""
    tokenizer = tiny_tokenizer(iter(["how are you"] * 4), 300)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 7, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=False,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "hub")
    tokenizer.save_pretrained(tmp_path / "hub")
    return tmp_path / "hub"


def named(settings, folder):
    """Settings whose model is in a folder."""
    return settings.model_copy(update={"name": str(folder)})


def test_a_hub_model_gets_the_tokens_in_both_embeddings(hub_model, corpus, base_settings, tmp_path):
    make(corpus, tmp_path / "model", named(base_settings, hub_model), codes=(8, 4))
    before = AutoModelForCausalLM.from_pretrained(hub_model)
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    text = len(tokenizer) - 12
    for old, new in (
        (before.get_input_embeddings().weight, after.get_input_embeddings().weight),
        (before.get_output_embeddings().weight, after.get_output_embeddings().weight),
    ):
        assert len(new) == len(old) + 5  # seven of the twelve found room
        assert torch.equal(new[:text], old[:text])
        torch.testing.assert_close(new[text:], old[:text].mean(dim=0).expand(12, -1))


def test_a_model_without_a_chat_template_is_refused(hub_model, corpus, base_settings, tmp_path):
    (hub_model / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match=r"mars\.base\.name: .* has no chat template"):
        make(corpus, tmp_path / "model", named(base_settings, hub_model), codes=(8, 8))


def test_a_broken_folder_is_one_sentence(hub_model, corpus, base_settings, tmp_path):
    shutil.rmtree(hub_model)
    hub_model.mkdir()
    with pytest.raises(UserError, match=r"config key mars\.base\.name: .* cannot be loaded: [^\n]+$"):
        make(corpus, tmp_path / "model", named(base_settings, hub_model), codes=(8, 8))


@pytest.fixture
def from_hub_model(hub_model, base_settings):
    return base_settings.model_copy(update={"name": str(hub_model)})


def test_turn_marks_are_tokens_where_they_are_wanted(from_hub_model, corpus, tmp_path):
    make(corpus, tmp_path / "model", from_hub_model, marks=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    ids = tokenizer("<SOT>yes<FACE_7><EOT>", add_special_tokens=False)["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    assert (tokens[0], tokens[-2], tokens[-1]) == ("<SOT>", "<FACE_7>", "<EOT>")


def test_a_model_that_has_the_tokens_keeps_its_rows(tiny, corpus, base_settings, tmp_path):
    trained = base_settings.model_copy(update={"name": str(tiny)})
    assert make(corpus, tmp_path / "model", trained, (16, 16))["new_rows"] == "kept"
    weights = [AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (tiny, tmp_path / "model")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize(("codes", "marks"), [(8, False), (16, True)])
def test_a_model_with_other_motion_tokens_is_refused(tiny, codes, marks):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    with pytest.raises(
        UserError, match=r"mars\.base\.name: some/folder has 32 motion tokens and turn marks of its own"
    ):
        add_motion_tokens(model, tokenizer, dict.fromkeys(("face", "body"), codes), marks, "some/folder")


def test_weights_of_another_model_are_refused(from_hub_model, hub_model, tiny, corpus, tmp_path):
    shutil.copy(tiny / "tokenizer.json", hub_model)
    with pytest.raises(UserError, match=r"rows for the .* tokens of its tokenizer: it is another model's"):
        make(corpus, tmp_path / "model", from_hub_model)


def test_a_length_beyond_the_model_is_refused(from_hub_model, corpus, tmp_path):
    with pytest.raises(UserError, match=r"mars\.training\.length is 4096, but .* takes at most 2048 tokens"):
        make(corpus, tmp_path / "model", from_hub_model, length=4096)


@pytest.fixture
def codebooks(tmp_path) -> list[Path]:
    """Tokenizers of 8 face and 4 body codes."""
    paths = []
    for part, size in (("face", 8), ("body", 4)):
        torch.manual_seed(size)
        raw = yaml.safe_load((ROOT / "config.yaml").read_text())["tokenizers"][part]
        raw["codebook"] |= {"size": size}
        raw["network"] |= {"width": 8}
        settings = Tokenizer.model_validate(raw)
        layout = LAYOUTS["open_face" if part == "face" else "smplx"]
        scale = Scale(layout, np.zeros(layout.dim, np.float32), np.ones(layout.dim, np.float32))
        network = MotionTokenizer(layout.dim, settings)
        network.quantizer.layer.codebook.normal_()
        paths.append(tmp_path / f"{part}.pt")
        save_model(paths[-1], network, settings, part, scale)
    return paths


def test_new_rows_from_the_codebooks_lie_about_the_mean(from_hub_model, codebooks, corpus, tmp_path):
    chosen = from_hub_model.model_copy(update={"new_rows": "codebook"})
    for name in ("a", "b"):
        assert make(corpus, tmp_path / name, chosen, (8, 4), codebooks=codebooks, marks=True)["new_rows"] == "codebook"
    assert hash_path(tmp_path / "a") == hash_path(tmp_path / "b")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "a")
    text = len(AutoTokenizer.from_pretrained(tmp_path / "a")) - 14
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        rows = layer.weight.detach()
        mean, spread = rows[:text].mean(dim=0), rows[:text].std(dim=0).square().mean().sqrt()
        torch.testing.assert_close(rows[text + 12 : text + 14], mean.expand(2, -1))  # the turn marks
        for part in (rows[text : text + 8], rows[text + 8 : text + 12]):
            torch.testing.assert_close((part - mean).square().mean().sqrt(), spread, rtol=1e-3, atol=0)
            assert torch.pdist(part).min() > 0


def test_a_random_projection_keeps_distances_nearly():
    vectors = torch.nn.functional.normalize(torch.randn(60, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    ratio = torch.pdist(project(vectors, 2048, torch.Generator().manual_seed(1))) / torch.pdist(vectors)
    assert ratio.std() / ratio.mean() < 0.1


def test_a_codebook_of_another_size_is_refused(codebooks):
    with pytest.raises(UserError, match=r"has 8 codes, but config key tokenizers\.face\.codebook\.size is 16"):
        codebook(codebooks[0], "face", 16)


def test_the_papers_models_are_rows_at_pinned_revisions():
    rows = {name: registry()[name] for name in base_models()}
    sizes = {"Llama-3.2-1B", "Llama-3.2-3B", "Qwen2.5-1.5B", "Qwen2.5-3B"}
    assert set(rows) == {f"{size}-Instruct" for size in sizes}
    assert all(isinstance(row, Repository) for row in rows.values())
    assert all(row.gated == name.startswith("Llama") for name, row in rows.items())


def test_a_base_model_is_tiny_a_row_or_a_folder(base_settings, tmp_path):
    values = base_settings.model_dump()
    fetched = {"tiny": [], "Qwen2.5-3B-Instruct": ["Qwen2.5-3B-Instruct"], str(tmp_path): []}
    assert {name: Base.model_validate(values | {"name": name}).models for name in fetched} == fetched
    with pytest.raises(ValueError, match=r"no model some/model; write tiny, Llama-3\.2-1B-Instruct, .* or a folder"):
        Base.model_validate(values | {"name": "some/model"})


def test_a_fetched_model_is_recorded_with_its_commit_and_licence(hub_model, corpus, base_settings, tmp_path):
    folder = hub_model.rename(tmp_path / "Qwen2.5-3B-Instruct")
    chosen = base_settings.model_copy(update={"name": folder.name})
    record = make(corpus, tmp_path / "model", chosen, models=[folder])
    assert record["revision"] == registry()[folder.name].revision and "Qwen" in record["licence"]
