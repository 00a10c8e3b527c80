import csv

import pytest
import torch
from killed_process import train_killed
from safetensors.torch import load_file
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from nonverbal.errors import UserError
from nonverbal.mars.encode import encode_all, read_records, token_kinds
from nonverbal.mars.likelihood import summary, token_likelihood
from nonverbal.mars.saved import load_saved
from nonverbal.mars.settings import Lora
from nonverbal.mars.train_mars import train_mars
from nonverbal.mars.trainer import MarsTrainer, last_whole_checkpoint
from nonverbal.provenance.record import hash_path
from nonverbal.schema import read_table

LORA = Lora(rank=4, alpha=8, dropout=0, targets=("q_proj", "v_proj", "down_proj"))


def run(corpus, tiny, training, folder, validation=None):
    folder.mkdir(exist_ok=True)
    paths = corpus.records
    train_mars(
        tiny,
        paths["train"],
        validation or paths["validation"],
        folder / "model",
        folder / "history.csv",
        folder / "speed.csv",
        folder / "examples.parquet",
        training,
        5,
    )
    return [
        {k: float(v) if v else None for k, v in row.items()} for row in csv.DictReader((folder / "history.csv").open())
    ]


@pytest.fixture(scope="module")
def trained(corpus, tiny, training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return folder, run(corpus, tiny, training, folder)


def validation_nll(corpus, folder):
    model, tokenizer = load_saved(folder)
    data = encode_all(read_records(corpus.records["validation"]), tokenizer, 256, "test")
    return summary(token_likelihood(model, data, token_kinds(tokenizer, model.config.vocab_size), 3, "test"))["nll_all"]


def test_the_loss_falls_and_the_best_model_is_saved(trained, corpus, tiny):
    folder, history = trained
    best = min(row["eval_loss"] for row in history)
    assert [row["step"] for row in history] == [4, 8, 12, 16, 18]  # the end is scored too
    assert history[3]["loss"] < 0.9 * history[0]["loss"]
    assert validation_nll(corpus, folder / "model") == pytest.approx(best, abs=1e-5)
    assert best < 0.9 * validation_nll(corpus, tiny)
    assert (folder / "model" / "model.safetensors").is_file()
    assert sorted(path.name for path in folder.iterdir()) == ["examples.parquet", "history.csv", "model", "speed.csv"]


def test_every_record_that_was_or_was_not_trained_on_is_told(trained, corpus, tiny, training, tmp_path):
    rows = read_table(trained[0] / "examples.parquet", "examples")
    counts = {split: len(list(read_records(corpus.records[split]))) for split in ("train", "validation")}
    assert rows["split"].value_counts().to_dict() == counts and rows["kept"].all() and (rows["turns"] == 1).all()
    short = training.model_copy(update={"length": int(rows["tokens"].median()), "epochs": 1})
    run(corpus, tiny, short, tmp_path)
    left = read_table(tmp_path / "examples.parquet", "examples")
    assert (left["kept"] == (rows["tokens"] <= short.length)).all() and not left["kept"].all()
    assert set(left["reason"]) == {"", "context_too_long"}


def test_packs_are_trained_on_in_fewer_steps(trained, corpus, tiny, training, tmp_path):
    packed = training.model_copy(update={"packing": True, "length": 1024, "batch": 4, "epochs": 8})
    history = run(corpus, tiny, packed, tmp_path)
    assert history[-1]["step"] < 8 * len(list(read_records(corpus.records["train"]))) / 4 / 3
    assert history[-1]["eval_loss"] < 0.9 * validation_nll(corpus, tiny)


class Killed(BaseException):
    """As from a signal."""


@pytest.mark.parametrize("steps", [3, 10, 15])  # before a checkpoint, within an epoch, after its last
def test_killed_and_resumed_ends_with_the_same_bytes(trained, corpus, tiny, training, tmp_path, monkeypatch, steps):
    folder, history = trained
    step = MarsTrainer.training_step
    calls = 0

    def dying_step(self, *args, **kwargs):
        nonlocal calls
        calls += 1
        if calls > 2 * steps:  # two micro-batches a step
            raise Killed
        return step(self, *args, **kwargs)

    monkeypatch.setattr(MarsTrainer, "training_step", dying_step)
    with pytest.raises(Killed):
        run(corpus, tiny, training, tmp_path)
    assert not (tmp_path / "model").exists()
    assert len(list(tmp_path.glob(".model.work-*/checkpoint-*"))) == min(2, steps // 4)
    monkeypatch.undo()
    taken = []
    monkeypatch.setattr(
        MarsTrainer,
        "training_step",
        lambda self, *a, **k: (taken.append(self.state.global_step), step(self, *a, **k))[1],
    )
    assert run(corpus, tiny, training, tmp_path) == history
    assert min(taken) == steps // 4 * 4  # nothing before the checkpoint was done again
    assert hash_path(tmp_path / "model") == hash_path(folder / "model")
    assert (tmp_path / "history.csv").read_bytes() == (folder / "history.csv").read_bytes()


@pytest.fixture(scope="module")
def adapted(corpus, tiny, training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapted")
    lora = LORA.model_copy(update={"dropout": 0.1})
    settings = training.model_copy(update={"lora": lora, "learning_rate": 0.03})
    return settings, folder, run(corpus, tiny, settings, folder)


def test_adapters_are_trained_and_the_merged_model_is_what_was_scored(adapted, corpus, tiny):
    _, folder, history = adapted
    best = min(row["eval_loss"] for row in history)
    assert validation_nll(corpus, folder / "model") == pytest.approx(best, abs=1e-4)
    assert best < 0.9 * validation_nll(corpus, tiny)
    before, after = (load_file(path / "model.safetensors") for path in (tiny, folder / "model"))
    moved = {name for name, rows in before.items() if not torch.equal(rows, after[name])}
    assert {name.rpartition(".")[0].rpartition(".")[2] for name in moved} == {
        "q_proj", "v_proj", "down_proj", "embed_tokens",
    }  # fmt: skip
    _, tokenizer = load_saved(tiny)
    rows = {name: (before[name] != after[name]).any(1) for name in before if "embed_tokens" in name}
    added = [token for name, token in tokenizer.get_added_vocab().items() if name.startswith(("<FACE", "<BODY"))]
    assert all(set(changed.nonzero()[:, 0].tolist()) == set(added) for changed in rows.values())
    adapter = load_file(folder / "model" / "adapter" / "adapter_model.safetensors")
    assert sum(rows.numel() for rows in adapter.values()) < 0.5 * sum(rows.numel() for rows in after.values())


def test_an_adapter_goes_on_after_a_kill_with_the_same_bytes(adapted, corpus, tiny, tmp_path, monkeypatch):
    settings, folder, history = adapted
    step, left = MarsTrainer.training_step, [20]

    def dying_step(self, *args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(MarsTrainer, "training_step", dying_step)
        with pytest.raises(Killed):
            run(corpus, tiny, settings, tmp_path)
    assert run(corpus, tiny, settings, tmp_path) == history
    assert hash_path(tmp_path / "model") == hash_path(folder / "model")


def test_an_adapter_for_layers_that_are_not_there_is_told(corpus, tiny, training, tmp_path):
    lora = LORA.model_copy(update={"targets": ("query",)})
    with pytest.raises(UserError, match=r"mars.training.lora.targets: the model has no query; write some of down_proj"):
        run(corpus, tiny, training.model_copy(update={"lora": lora}), tmp_path)


def test_activations_computed_again_change_nothing(trained, corpus, tiny, training, tmp_path):
    again = training.model_copy(update={"gradient_checkpointing": True})
    history = run(corpus, tiny, again, tmp_path)
    assert [row["eval_loss"] for row in history] == pytest.approx([row["eval_loss"] for row in trained[1]], abs=1e-5)


def test_attention_that_this_machine_lacks_is_told(corpus, tiny, training, tmp_path):
    flash = training.model_copy(update={"attention": "flash_attention_2"})
    with pytest.raises(UserError, match="flash_attention_2 needs a GPU and the package flash-attn"):
        run(corpus, tiny, flash, tmp_path)


def test_the_speed_of_the_steps_is_told(trained):
    rows = list(csv.DictReader((trained[0] / "speed.csv").open()))
    assert [row["step"] for row in rows] == ["4", "8", "12", "16", "18"]
    assert all(float(row["tokens_a_second"]) > 0 for row in rows[:4]) and {row["mfu"] for row in rows} == {""}


@pytest.mark.parametrize("fsdp", [True, False])
def test_two_processes_one_of_them_killed_end_as_one_does(
    trained, corpus, tiny, training, tmp_path, monkeypatch, caplog, fsdp
):
    """Gloo on a processor: all weights in shares of each process; adapters in copies."""
    settings = training if fsdp else training.model_copy(update={"lora": LORA, "learning_rate": 0.03})
    history = trained[1] if fsdp else run(corpus, tiny, settings, tmp_path / "one")
    shared = settings.model_copy(update={"processes": 2, "fsdp": fsdp})
    monkeypatch.setattr("nonverbal.mars.train_mars.train_network", train_killed)
    with pytest.raises(ChildFailedError):
        run(corpus, tiny, shared, tmp_path / "two")
    with caplog.at_level("INFO", "nonverbal"):
        again = run(corpus, tiny, shared, tmp_path / "two")
    assert "going on after checkpoint-8" in caplog.text
    for name in ("step", "eval_loss", "eval_nll_face"):
        assert [row[name] for row in again] == pytest.approx([row[name] for row in history], rel=1e-3)
    assert [row["loss"] for row in again[:-1]] == pytest.approx([row["loss"] for row in history[:-1]], rel=1e-3)
    best = min(row["eval_loss"] for row in again)
    assert validation_nll(corpus, tmp_path / "two" / "model") == pytest.approx(best, abs=1e-4)


def test_a_checkpoint_that_was_not_finished_is_not_used(tmp_path):
    for step, state in ((8, "{}"), (16, None), (24, '{"global_st')):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"")
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-8"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-8"]
    assert last_whole_checkpoint(tmp_path / "checkpoint-8") is None


def test_patience_ends_training_early(corpus, tiny, training, tmp_path):
    hasty = training.model_copy(update={"learning_rate": 0.03, "patience": 2, "checkpoint_steps": 8, "epochs": 60})
    history = run(corpus, tiny, hasty, tmp_path)
    losses = [row["eval_loss"] for row in history]
    assert history[-1]["step"] < 360
    assert losses.index(min(losses)) == len(losses) - 3  # two more were scored, neither better
    assert validation_nll(corpus, tmp_path / "model") == pytest.approx(min(losses), abs=1e-5)


def test_killed_after_it_stopped_it_stays_stopped(corpus, tiny, training, tmp_path, monkeypatch):
    hasty = training.model_copy(update={"learning_rate": 0.03, "patience": 1, "checkpoint_steps": 8, "epochs": 60})
    (tmp_path / "whole").mkdir()
    history = run(corpus, tiny, hasty, tmp_path / "whole")

    def dying(path):
        raise Killed

    monkeypatch.setattr("nonverbal.mars.train_mars.new_folder", dying)
    with pytest.raises(Killed):
        run(corpus, tiny, hasty, tmp_path / "killed")
    monkeypatch.undo()
    assert run(corpus, tiny, hasty, tmp_path / "killed") == history
    assert hash_path(tmp_path / "killed" / "model") == hash_path(tmp_path / "whole" / "model")


def test_without_validation_records_the_last_model_is_saved(trained, corpus, tiny, training, tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    history = run(corpus, tiny, training, tmp_path, validation=tmp_path / "none.jsonl")
    assert [row["eval_loss"] for row in history] == [None] * 4
    assert [row["loss"] for row in history] == [row["loss"] for row in trained[1][:4]]


def test_nothing_to_train_on_is_said_in_a_sentence(corpus, tiny, training, tmp_path):
    with pytest.raises(UserError, match="holds no record of at most 8 tokens"):
        run(corpus, tiny, training.model_copy(update={"length": 8}), tmp_path)
