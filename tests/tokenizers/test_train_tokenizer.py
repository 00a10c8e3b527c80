import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizer_cases import TINY, TRAINING

from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.train_tokenizer import Trainer, train_tokenizer, validation_split


def train(folder: Path, made: dict[str, Path], seed: int = 5, **changes: float) -> Path:
    folder.mkdir(exist_ok=True)
    training = TRAINING.model_copy(update=changes)
    train_tokenizer("face", **made, model=folder / "model.pt", history=folder / "history.csv", settings=TINY,
                    training=training, seed=seed)  # fmt: skip
    return folder / "model.pt"


class Killed(BaseException):
    """Stands for a signal: nothing in the code under test may catch it."""


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_a_killed_run_ends_with_the_same_bytes(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    whole = train(tmp_path / "whole", made)
    with monkeypatch.context() as patch:
        step, left = Trainer.step, [steps]

        def killed_step(self: Trainer, *args: object) -> list[dict[str, float]]:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return step(self, *args)

        patch.setattr(Trainer, "step", killed_step)
        with pytest.raises(Killed):
            train(tmp_path / "killed", made)
    assert not (tmp_path / "killed" / "model.pt").exists()
    with caplog.at_level(logging.INFO, "nonverbal"):
        resumed = train(tmp_path / "killed", made)
    assert ("going on after epoch" in caplog.text) == (steps >= 2)  # two steps an epoch
    assert resumed.read_bytes() == whole.read_bytes()
    assert (tmp_path / "killed" / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["history.csv", "model.pt"]


def test_another_seed_is_another_model(made: dict[str, Path], tmp_path: Path) -> None:
    first, second = train(tmp_path / "a", made, epochs=1), train(tmp_path / "b", made, epochs=1, seed=6)
    assert first.read_bytes() != second.read_bytes()


def test_training_learns_and_the_best_epoch_is_kept(made: dict[str, Path], motion: Motion, tmp_path: Path) -> None:
    path = train(tmp_path / "run", made, epochs=40)
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert len(history) == 40
    weights = torch.load(path, weights_only=True)["weights"]
    trainer = Trainer(motion, TINY, TRAINING, seed=0)
    trainer.network.load_state_dict(weights)
    assert trainer.validate()["validation"] == pytest.approx(history["validation"].min(), rel=1e-4)
    # Predicting the mean frame costs the mean absolute value: 1 for the expression, 5 for the jaw.
    values = np.concatenate([motion.read(run) for run in motion.runs("validation")])
    of_the_mean = np.abs(values[:, :48]).mean() + 5 * np.abs(values[:, 48:]).mean()
    assert history["validation"].min() < 0.6 * of_the_mean


def test_the_learning_rate_warms_up_and_falls_twice(motion: Motion) -> None:
    trainer = Trainer(motion, TINY, TRAINING.model_copy(update={"epochs": 50}), seed=0)
    rates = [trainer.rate(step) / TRAINING.learning_rate for step in range(100)]
    assert trainer.steps_an_epoch == 2
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10:50] == [1.0] * 40
    assert rates[50:75] == pytest.approx([0.1] * 25)
    assert rates[75:] == pytest.approx([0.01] * 25)


def test_accumulated_batches_weigh_the_same_as_one(motion: Motion) -> None:
    """One step over two equal batches moves the weights as a step over one of them."""
    window = [(0, 32), (32, 32)]
    moved = []
    for batches in ([window], [window, window]):
        trainer = Trainer(motion, TINY, TRAINING, seed=0)
        trainer.network.eval()  # the codebook stays
        trainer.step(1, batches)
        moved.append(trainer.network.encoder.first.weight.detach().clone())
    torch.testing.assert_close(moved[0], moved[1])


def test_without_a_validation_split_the_training_split_chooses(
    motion: Motion, caplog: pytest.LogCaptureFixture
) -> None:
    assert validation_split(motion) == "validation"
    only = Motion(motion.array, motion.index[motion.index["split"] == "train"], motion.scale)
    assert validation_split(only) == "train"
    assert "training split chooses the best epoch" in caplog.text
