import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate.state import AcceleratorState
from tokenizer_cases import TINY, TRAINING, tiny

from nonverbal.errors import UserError
from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.settings import Tokenizer
from nonverbal.tokenizers.train_tokenizer import train_tokenizer
from nonverbal.tokenizers.trainer import Trainer, cpu_computes_bf16, validation_split

ROOT = Path(__file__).resolve().parents[2]
# Every random stream that training has: sampled codes, dropped quantizers, replaced codes.
RANDOM = tiny(normalised=False, quantizers=3, dropout=True, temperature=0.5, initialisation="random", dead_below=0.5)


def train(
    folder: Path, made: dict[str, Path], seed: int = 5, settings: Tokenizer = TINY, **changes: float
) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    paths = {"model": folder / "model.pt", "history": folder / "history.csv", "events": folder / "events"}
    training = TRAINING.model_copy(update=changes)
    train_tokenizer("face", "ours", **made, **paths, settings=settings, training=training, seed=seed)
    return paths


# One training in a process of its own, that says after each step that it is done.
CHILD = """
import json, sys
from pathlib import Path
from nonverbal.tokenizers.settings import Tokenizer, Training
from nonverbal.tokenizers.train_tokenizer import train_tokenizer
from nonverbal.tokenizers.trainer import Trainer
save = Trainer.save
def told(self, path):
    save(self, path)
    print("step", flush=True)
Trainer.save = told
job = json.loads(sys.argv[1])
paths = {name: Path(path) for name, path in job["paths"].items()}
train_tokenizer("face", "ours", **paths, settings=Tokenizer(**job["settings"]), training=Training(**job["training"]),
                seed=5)
"""


def child(folder: Path, made: dict[str, Path], settings: Tokenizer) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    outputs = {"model": folder / "model.pt", "history": folder / "history.csv", "events": folder / "events"}
    job = {
        "paths": {name: str(path) for name, path in (made | outputs).items()},
        "settings": settings.model_dump(mode="json"), "training": TRAINING.model_dump(mode="json"),
    }  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(job)], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, env=environment)  # fmt: skip


@pytest.mark.parametrize("settings", [TINY, RANDOM], ids=["ours", "random"])
def test_killed_with_signal_9_at_any_step_it_ends_with_the_same_bytes(
    made: dict[str, Path], tmp_path: Path, settings: Tokenizer
) -> None:
    whole = train(tmp_path / "whole", made, settings=settings)
    total, steps = 12, random.randrange(1, 11)  # two steps an epoch, six epochs; unlike from run to run
    process = child(tmp_path / "killed", made, settings)
    for _ in range(steps):
        assert process.stdout.readline() == "step\n"
    time.sleep(random.random() * 0.05)  # somewhere in a step, or in the writing of its checkpoint
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.pt").exists()
    resumed = child(tmp_path / "killed", made, settings)
    said, _ = resumed.communicate()
    assert resumed.returncode == 0
    assert said.count("step") <= total - steps, f"killed after {steps} steps"
    for name in ("model", "history"):
        one, other = whole[name], tmp_path / "killed" / whole[name].name
        assert other.read_bytes() == one.read_bytes(), f"{name} killed after {steps} steps"


@pytest.fixture(scope="module")
def whole_random(made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return train(tmp_path_factory.mktemp("whole") / "run", made, settings=RANDOM)


class Killed(BaseException):
    """Stands for a signal: nothing in the code under test may catch it."""


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_resumed_after_each_step_it_ends_with_the_same_bytes(
    made: dict[str, Path],
    whole_random: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    steps: int,
) -> None:
    with monkeypatch.context() as patch:
        step, left = Trainer.step, [steps]

        def killed_step(self: Trainer, batches: list) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            step(self, batches)

        patch.setattr(Trainer, "step", killed_step)
        with pytest.raises(Killed):
            train(tmp_path / "killed", made, settings=RANDOM)
    with caplog.at_level(logging.INFO, "nonverbal"):
        resumed = train(tmp_path / "killed", made, settings=RANDOM)
    # An epoch is finished, with its validation, by the step after its last.
    done = steps - (steps % 2 == 0)
    assert f"going on after epoch {done // 2}, step {steps - done // 2 * 2}" in caplog.text
    assert resumed["model"].read_bytes() == whole_random["model"].read_bytes()
    assert resumed["history"].read_text() == whole_random["history"].read_text()
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["events", "history.csv", "model.pt"]


def test_two_processes_train_as_one_does(made: dict[str, Path], tmp_path: Path) -> None:
    """Gloo on a processor, started as torchrun does: windows of unlike lengths, codes that no chance replaces."""
    settings = tiny(initialisation="random", dead_below=0, commitment=2)
    one = train(tmp_path / "one", made, epochs=3, settings=settings)
    two = train(tmp_path / "two", made, epochs=3, settings=settings, processes=2)
    alone, shared = (pd.read_csv(paths["history"], index_col="epoch") for paths in (one, two))
    for name in ("total", "reconstruction", "velocity", "commitment", "validation"):
        assert shared[name].tolist() == pytest.approx(alone[name].tolist(), rel=1e-3), name
    assert shared[["train_codes", "codes"]].equals(alone[["train_codes", "codes"]])
    of_one, of_two = (torch.load(paths["model"], weights_only=True)["weights"] for paths in (one, two))
    for name, value in of_one.items():
        torch.testing.assert_close(of_two[name], value, rtol=2e-3, atol=2e-4, msg=name)


@pytest.mark.skipif(not cpu_computes_bf16(), reason="this processor has no instructions for bf16")
def test_bf16_on_a_processor_is_the_same_from_run_to_run(made: dict[str, Path], tmp_path: Path) -> None:
    AcceleratorState._reset_state(reset_partial_state=True)  # a process has one precision otherwise
    one, two = (train(tmp_path / name, made, epochs=2, precision="bf16") for name in "ab")
    assert one["model"].read_bytes() == two["model"].read_bytes()
    AcceleratorState._reset_state(reset_partial_state=True)
    exact = train(tmp_path / "c", made, epochs=2)
    weights, others = (torch.load(paths["model"], weights_only=True)["weights"] for paths in (one, exact))
    assert all(value.dtype == others[name].dtype for name, value in weights.items())
    assert not torch.equal(weights["encoder.first.weight"], others["encoder.first.weight"])
    history, other = (pd.read_csv(paths["history"]) for paths in (one, exact))
    assert history["validation"].to_numpy() == pytest.approx(other["validation"].to_numpy(), rel=0.05)


def test_another_seed_is_another_model(made: dict[str, Path], tmp_path: Path) -> None:
    first, second = train(tmp_path / "a", made, epochs=1), train(tmp_path / "b", made, epochs=1, seed=6)
    assert first["model"].read_bytes() != second["model"].read_bytes()


def test_training_learns_and_the_best_epoch_is_kept(made: dict[str, Path], motion: Motion, tmp_path: Path) -> None:
    paths = train(tmp_path / "run", made, epochs=40, checkpoint_s=60)
    history = pd.read_csv(paths["history"])
    assert len(history) == 40
    trainer = Trainer(motion, TINY, TRAINING, seed=0)
    trainer.model.load_state_dict(torch.load(paths["model"], weights_only=True)["weights"])
    assert trainer.validate()["validation"] == pytest.approx(history["validation"].min(), rel=1e-4)
    # Predicting the mean frame costs the mean absolute value: 1 for the expression, 5 for the jaw.
    values = np.concatenate([motion.read(run) for run in motion.runs("validation")])
    of_the_mean = np.abs(values[:, :48]).mean() + 5 * np.abs(values[:, 48:]).mean()
    assert history["validation"].min() < 0.6 * of_the_mean


def test_tensorboard_reads_what_is_logged(made: dict[str, Path], tmp_path: Path) -> None:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c  # noqa: F401 - the format's checksum is the library's

    paths = train(tmp_path / "run", made, epochs=3)
    found: dict[str, list[float]] = {}
    for file in paths["events"].iterdir():
        data, at = file.read_bytes(), 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + length])
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(value.simple_value)
            at += 12 + length + 4
    history = pd.read_csv(paths["history"])
    assert found["validation"] == pytest.approx(history["validation"].tolist(), rel=1e-4)
    assert {"total", "velocity", "commitment", "codes", "train_codes", "learning_rate"} <= set(found)
    assert min(found["frames_a_second"]) > 0


def test_the_learning_rate_warms_up_and_falls_twice(motion: Motion) -> None:
    trainer = Trainer(motion, TINY, TRAINING.model_copy(update={"epochs": 50}), seed=0)
    rates = [trainer.factor(step) for step in range(100)]
    assert trainer.steps_an_epoch == 2
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10:50] == [1.0] * 40
    assert rates[50:75] == pytest.approx([0.1] * 25)
    assert rates[75:] == pytest.approx([0.01] * 25)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * TRAINING.learning_rate)


def test_accumulated_batches_weigh_the_same_as_one(motion: Motion) -> None:
    """One step over two equal batches moves the weights as a step over one of them."""
    batch = motion.batch([(0, 32), (32, 32)], 8)
    moved = []
    for batches in ([batch], [batch, batch]):
        trainer = Trainer(motion, TINY, TRAINING, seed=0)
        trainer.network.eval()  # the codebook stays
        trainer.step(batches)
        moved.append(trainer.model.encoder.first.weight.detach().clone())
    torch.testing.assert_close(moved[0], moved[1])


def test_gradients_are_clipped_and_weights_decay(motion: Motion) -> None:
    batch = motion.batch([(0, 32)], 8)
    trainer = Trainer(motion, TINY, TRAINING.model_copy(update={"clip": 1e-12, "warm_up": 0.0}), seed=0)
    before = trainer.model.encoder.first.weight.detach().clone()
    trainer.step([batch])
    norm = sum(p.square().sum() for p in [trainer.optimizer.state[trainer.model.encoder.first.weight]["exp_avg"]])
    assert norm.sqrt() < 1e-12
    assert (before - trainer.model.encoder.first.weight).abs().max() < 2 * TRAINING.learning_rate


def test_a_loss_that_is_no_number_is_told_in_a_sentence(made: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"loss of epoch \d+ is .*; lower tokenizers.training.learning_rate"):
        train(tmp_path / "run", made, learning_rate=1e30, warm_up=0.0)


def test_without_a_validation_split_the_training_split_chooses(
    motion: Motion, caplog: pytest.LogCaptureFixture
) -> None:
    assert validation_split(motion) == "validation"
    only = Motion(motion.array, motion.index[motion.index["split"] == "train"], motion.scale)
    assert validation_split(only) == "train"
    assert "training split chooses the best epoch" in caplog.text
