import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, HTTPError, RepositoryNotFoundError, RevisionNotFoundError
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from nonverbal.errors import UserError
from nonverbal.mars.base import add_motion_tokens, base, tiny_tokenizer
from nonverbal.mars.hub import check_base
from nonverbal.mars.settings import Base
from nonverbal.provenance.record import hash_path

REVISION = "0123456789abcdef0123456789abcdef01234567"


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
        base(
            corpus.records["train"], tmp_path / f"{seed}", tmp_path / "b.json", base_settings, 16, 16, False, 256, seed
        )
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


def test_a_hub_model_gets_the_tokens_in_both_embeddings(hub_model, corpus, base_settings, tmp_path):
    given_settings = base_settings.model_copy(update={"name": str(hub_model)})
    base(corpus.records["train"], tmp_path / "model", tmp_path / "b.json", given_settings, 8, 4, False, 256, seed=0)
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
    given_settings = base_settings.model_copy(update={"name": str(hub_model)})
    with pytest.raises(UserError, match=r"mars\.base\.name: .* has no chat template"):
        base(corpus.records["train"], tmp_path / "model", tmp_path / "b.json", given_settings, 8, 8, False, 256, seed=0)


def test_a_broken_folder_is_one_sentence(hub_model, corpus, base_settings, tmp_path):
    shutil.rmtree(hub_model)
    hub_model.mkdir()
    given_settings = base_settings.model_copy(update={"name": str(hub_model)})
    with pytest.raises(UserError, match=r"config key mars\.base\.name: .* cannot be loaded: [^\n]+$"):
        base(corpus.records["train"], tmp_path / "model", tmp_path / "b.json", given_settings, 8, 8, False, 256, seed=0)


def test_turn_marks_are_tokens_where_they_are_wanted(hub_model, corpus, base_settings, tmp_path):
    given_settings = base_settings.model_copy(update={"name": str(hub_model)})
    base(corpus.records["train"], tmp_path / "model", tmp_path / "b.json", given_settings, 8, 4, True, 256, seed=0)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    ids = tokenizer("<SOT>yes<FACE_7><EOT>", add_special_tokens=False)["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    assert (tokens[0], tokens[-2], tokens[-1]) == ("<SOT>", "<FACE_7>", "<EOT>")


def test_tokens_cannot_be_added_twice(tiny):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    with pytest.raises(ValueError, match="knew 32 of the motion tokens"):
        add_motion_tokens(model, tokenizer, {"face": 16, "body": 16}, turn_marks=False)


class Response:
    """What the hub's errors need of a response."""

    status_code, headers, request = 403, {}, None


def hub_says(monkeypatch, asked=None, fetched=None):
    def model_info(self, name, revision, timeout):
        if asked:
            raise asked

    def hf_hub_download(name, file, revision):
        if fetched:
            raise fetched

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    monkeypatch.setattr("huggingface_hub.HfApi.auth_check", lambda *_: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)


@pytest.mark.parametrize(
    ("asked", "fetched", "sentence"),
    [
        (None, GatedRepoError("403", response=Response()), "is gated; accept its licence at .* and set HF_TOKEN"),
        (RepositoryNotFoundError("401", response=Response()), None, "there is no model some/model"),
        (RevisionNotFoundError("404", response=Response()), None, f"has no revision {REVISION}"),
        (HTTPError("no name"), None, r"is not cached and the hub cannot be reached; .*HF_TOKEN=\.\.\. hf download"),
    ],
)
def test_check_base_says_what_to_write(monkeypatch, base_settings, asked, fetched, sentence):
    hub_says(monkeypatch, asked, fetched)
    wanted = base_settings.model_copy(update={"name": "some/model", "revision": REVISION})
    with pytest.raises(UserError, match=f"config key mars.base.name: .*{sentence}"):
        check_base(wanted)


def test_check_base_accepts_what_can_be_had(monkeypatch, base_settings, hub_model):
    hub_says(monkeypatch)
    for name, revision in (("tiny", ""), (str(hub_model), ""), ("some/model", REVISION)):
        check_base(base_settings.model_copy(update={"name": name, "revision": revision}))


def test_check_base_wants_a_commit(base_settings):
    with pytest.raises(UserError, match=r"mars\.base\.revision is empty; write the commit of some/model"):
        check_base(base_settings.model_copy(update={"name": "some/model"}))
    with pytest.raises(ValueError, match="revision"):
        Base.model_validate(base_settings.model_dump() | {"revision": "main"})
