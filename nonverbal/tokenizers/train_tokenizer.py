"""Train the face or body tokenizer (paper, appendix B.1); a killed job goes on after its last finished epoch.

Every epoch starts its own random streams from the seed and its number, so that a resumed run needs no generator's
state and ends, on a CPU, with the same bits.
"""

import copy
import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from nonverbal.progress import track
from nonverbal.provenance.hashes import hash_path
from nonverbal.shards import work_folder
from nonverbal.tokenizers.losses import losses
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Motion, Window, cut, draw
from nonverbal.tokenizers.settings import Tokenizer, Training

log = logging.getLogger("nonverbal")
Item = TypeVar("Item")
DECAYS = ((0.75, 0.01), (0.5, 0.1))  # from this share of the steps on, the learning rate times this


def train_tokenizer(
    part: str, frames: Path, index: Path, scale: Path, model: Path, history: Path, settings: Tokenizer,
    training: Training, seed: int,
) -> None:  # fmt: skip
    """Train, and keep the weights with the best reconstruction of the validation split.

    Args:
        part: face or body.
        frames, index, scale: what the frames rule wrote.
        model: weights to write, with all it takes to rebuild the model.
        history: CSV to write: losses, codes in use and learning rate, a row an epoch.
        settings: codebook, network and losses.
        training: optimisation.
        seed: of weights, windows and codebook.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    motion = Motion.load(frames, index, scale)
    trainer = Trainer(motion, settings, training, seed)
    key = [hash_path(index), hash_path(scale), settings.model_dump(), training.model_dump(), seed, torch.__version__]
    work = work_folder(model, key)
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        trainer.restore(checkpoint)
        log.info("train_tokenizer %s: going on after epoch %d", part, len(trainer.history))
    for _ in track(range(len(trainer.history), training.epochs), f"train_tokenizer {part}"):
        trainer.epoch()
        trainer.save(checkpoint)
    trainer.network.load_state_dict(trainer.best)
    table = pd.DataFrame(trainer.history)
    log.info("train_tokenizer %s: best epoch\n%s", part, table.iloc[table["validation"].argmin()].to_string())
    table.to_csv(history, index_label="epoch", float_format="%.6g")
    save_model(model, trainer.network.cpu(), settings, part, motion.scale)
    shutil.rmtree(work)


class Trainer:
    """The state of a training run.

    Attributes:
        history: one row a finished epoch.
        best: weights of the epoch with the best validation reconstruction so far.
    """

    def __init__(self, motion: Motion, settings: Tokenizer, training: Training, seed: int) -> None:
        self.motion, self.settings, self.training, self.seed = motion, settings, training, seed
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(seed)
        self.network = MotionTokenizer(motion.scale.layout.dim, settings).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        self.train_runs = motion.runs("train")
        self.validation = cut(motion.runs(validation_split(motion)), training.window)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {}
        batches = -(-len(cut(self.train_runs, training.window)) // training.batch)
        self.steps_an_epoch = -(-batches // training.accumulation)

    def epoch(self) -> None:
        """One pass over the training split, then one over the validation split."""
        number = len(self.history)
        torch.manual_seed(self.seed * 1_000_003 + number)
        windows = draw(self.train_runs, self.training.window, np.random.default_rng([self.seed, number]))
        batches = list(batched(windows, self.training.batch))
        groups = batched(batches, self.training.accumulation)
        self.network.train()
        found = [
            loss for step, group in enumerate(groups, number * self.steps_an_epoch) for loss in self.step(step, group)
        ]
        row = {name: float(np.mean([losses[name] for losses in found])) for name in found[0]}
        row |= self.validate() | {"learning_rate": self.rate(number * self.steps_an_epoch)}
        if not self.history or row["validation"] < min(past["validation"] for past in self.history):
            self.best = copy.deepcopy(self.network.state_dict())
        self.history.append(row)

    def step(self, step: int, batches: Sequence[Sequence[Window]]) -> list[dict[str, float]]:
        """One step of the optimizer over one or more batches; the losses of each."""
        rows = []
        for windows in batches:
            batch = self.motion.batch(windows).to(self.device)
            output = self.network(batch.values, batch.mask)
            found = losses(output, batch, self.motion.scale.layout, self.settings.losses)
            (found["total"] / len(batches)).backward()
            rows.append({name: value.item() for name, value in found.items()})
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.training.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return rows

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then a tenth from half of the steps on, a hundredth from 3/4 on."""
        done = step / (self.steps_an_epoch * self.training.epochs)
        if done < self.training.warm_up:
            warm_steps = self.training.warm_up * self.steps_an_epoch * self.training.epochs
            return self.training.learning_rate * min(1.0, (step + 1) / warm_steps)
        factor = next((factor for share, factor in DECAYS if done >= share), 1.0)
        return self.training.learning_rate * factor

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Reconstruction loss of the validation split, a mean over windows, and how many codes it uses."""
        self.network.eval()
        total, used = 0.0, set()
        for windows in batched(self.validation, self.training.batch):
            batch = self.motion.batch(windows).to(self.device)
            output = self.network(batch.values, batch.mask)
            found = losses(output, batch, self.motion.scale.layout, self.settings.losses)
            total += found["reconstruction"].item() * len(windows)
            used |= set(output.tokens[output.tokens >= 0].tolist())
        return {"validation": total / len(self.validation), "codes": float(len(used))}

    def save(self, path: Path) -> None:
        """Write the state, atomically."""
        partial = path.with_suffix(".partial")
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state | {"best": self.best, "history": self.history}, partial)
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a written state."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best, self.history = state["best"], state["history"]


def validation_split(motion: Motion) -> str:
    """The split that chooses the best epoch: validation, or train where a small dataset has no such split."""
    if motion.runs("validation"):
        return "validation"
    log.warning("no clip is in the validation split; the training split chooses the best epoch")
    return "train"


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive parts of a length; the last may be shorter."""
    return (items[at : at + size] for at in range(0, len(items), size))
