"""The training of one tokenizer: all of its state, one step, one epoch, and how a killed one goes on.

A checkpoint holds everything that the next step depends on (weights and codebook, optimizer, schedule, random streams,
place in the epoch, sums of the epoch), so that a run killed at any step ends, on a CPU, with the same bits.
"""

import copy
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nonverbal.errors import UserError
from nonverbal.tokenizers.dashboard import Dashboard
from nonverbal.tokenizers.losses import Count, alone, losses
from nonverbal.tokenizers.model import MotionTokenizer
from nonverbal.tokenizers.motion import Batch, Motion, Window, bucket, cut, draw
from nonverbal.tokenizers.quantizer import used
from nonverbal.tokenizers.settings import Tokenizer, Training

log = logging.getLogger("nonverbal")
Item = TypeVar("Item")
DECAYS = ((0.75, 0.01), (0.5, 0.1))  # from this share of the steps on, the learning rate times this
NAMES = ("total", "reconstruction", "velocity", "commitment")


class Trainer:
    """The state of a training run, in one of the processes that share it.

    Args:
        motion: the frames of one part.
        settings: codebook, network and losses.
        training: optimisation.
        seed: of weights, windows and codebook.
        workers: processes that read ahead; 0 reads between steps.

    Attributes:
        epoch: finished epochs.
        at: finished steps of the epoch that is under way.
        history: one row a finished epoch.
        best: weights of the epoch with the best validation reconstruction so far.
    """

    def __init__(self, motion: Motion, settings: Tokenizer, training: Training, seed: int, workers: int = 0) -> None:
        self.motion, self.settings, self.training, self.seed, self.workers = motion, settings, training, seed, workers
        gpu = torch.cuda.is_available()
        bf16 = training.precision == "bf16" and (gpu or cpu_computes_bf16())
        self.accelerator = Accelerator(cpu=not gpu, mixed_precision="bf16" if bf16 else "no")
        self.device = self.accelerator.device
        torch.manual_seed(seed)
        self.model = MotionTokenizer(motion.scale.layout.dim, settings).to(self.device)
        if gpu and training.compile:
            self.model.encoder.compile(dynamic=True)
            self.model.decoder.compile(dynamic=True)
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        self.network, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        self.train_runs = motion.runs("train")
        self.validation = sorted(
            cut(motion.runs(validation_split(motion)), training.window), key=lambda window: window[1]
        )
        batches = -(-len(cut(self.train_runs, training.window)) // training.batch)
        self.steps_an_epoch = -(-batches // training.accumulation)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.factor)
        self.epoch, self.at = 0, 0
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {}
        self.sums, self.counts = torch.empty(0), torch.empty(0)
        self._clear()

    def run(self, checkpoint: Path, dashboard: Dashboard) -> None:
        """Train to the end, writing a checkpoint now and then."""
        saved = time.monotonic()
        while self.epoch < self.training.epochs:
            for batches in self._steps():
                self.step(batches)
                self.at += 1
                dashboard.step(self.frames(batches), self.epoch * self.steps_an_epoch + self.at, self.status)
                if self._due(saved):
                    self.save(checkpoint)
                    saved = time.monotonic()
            self.finish_epoch()
            dashboard.epoch(self.epoch, self.history[-1])

    def _due(self, saved: float) -> bool:
        """Whether a checkpoint is due; the first process decides, for all must take part."""
        due = torch.tensor(time.monotonic() - saved >= self.training.checkpoint_s, device=self.device)
        if self.accelerator.num_processes > 1:
            torch.distributed.broadcast(due, src=0)
        return bool(due)

    def plan(self) -> list[list[list[Window]]]:
        """The steps of the epoch under way, each of one or more batches of windows."""
        rng = np.random.default_rng([self.seed, self.epoch])
        windows = draw(self.train_runs, self.training.window, rng)
        batches = bucket(windows, self.training.batch, self.training.pool, rng)
        return batched(batches, self.training.accumulation)

    def _steps(self) -> Iterator[list[Batch]]:
        """The batches of the steps that the epoch still has, this process's share of each."""
        plan = self.plan()[self.at :]
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        # A process for which no window is left takes the first again, so that all of them step together.
        loader = iter(self._load([windows[rank::world] or windows[:1] for step in plan for windows in step]))
        for step in plan:
            yield [next(loader) for _ in step]

    def _load(self, batches: list[list[Window]]) -> DataLoader:
        dataset = Batches(self.motion, batches, self.settings.network.downsampling)
        # A generator of its own: an iterator draws a number when it starts, and so must not when a run goes on.
        return DataLoader(dataset, batch_size=None, num_workers=self.workers, generator=torch.Generator(),
                          pin_memory=self.device.type == "cuda")  # fmt: skip

    def step(self, batches: Sequence[Batch]) -> None:
        """One step of the optimizer over one or more batches."""
        for i, batch in enumerate(batches):
            last = i == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.network):
                found, counts = self._losses(batch, self._share)
                self.accelerator.backward(found["total"] / len(batches))
            self.sums += torch.stack([found[name].detach() for name in NAMES])
            self.batches += 1
            self.counts += counts
        self.accelerator.clip_grad_norm_(self.network.parameters(), self.training.clip)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()

    def _losses(self, batch: Batch, share: Count = alone) -> tuple[dict[str, Tensor], Tensor]:
        batch = batch.to(self.device)
        output = (self.network if self.network.training else self.model)(batch.values, batch.mask)
        found = losses(output, batch, self.motion.scale.layout, self.settings.losses, share)
        return found, used(output.tokens, self.settings.codebook.size)

    def _share(self, count: Tensor) -> Tensor:
        """Mean of a count over processes: sums divided by it, averaged over processes, are the mean over all."""
        return self._reduce(count.float(), "mean") if self.accelerator.num_processes > 1 else count

    def _reduce(self, value: Tensor, how: str) -> Tensor:
        """A sum or mean over processes; the value itself stays, as it is where there is but one."""
        return self.accelerator.reduce(value.clone(), how)

    def factor(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then a tenth from half of the steps on, a hundredth from 3/4 on."""
        steps = self.steps_an_epoch * self.training.epochs
        if step < self.training.warm_up * steps:
            return min(1.0, (step + 1) / (self.training.warm_up * steps))
        return next((factor for share, factor in DECAYS if step >= share * steps), 1.0)

    def frames(self, batches: Sequence[Batch]) -> int:
        """Frames of a step, in all processes, as far as this one can tell."""
        return sum(batch.values.shape[0] * batch.values.shape[2] for batch in batches) * self.accelerator.num_processes

    def status(self) -> dict[str, float]:
        """Mean losses and codes in use of the epoch under way."""
        sums = self.sums / max(self.batches, 1)
        return dict(zip(NAMES, sums.tolist(), strict=True)) | {"codes": int((self.counts > 0).sum())}

    def finish_epoch(self) -> None:
        """Validate, keep the best weights, and begin the next epoch."""
        self.sums, self.counts = self._reduce(self.sums, "mean"), self._reduce(self.counts, "sum")
        row = self.status()
        row = {name: row[name] for name in NAMES} | {"train_codes": row["codes"]} | self.validate()
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        if not np.isfinite(row["total"]):
            raise UserError(
                f"the loss of epoch {self.epoch} is {row['total']}; lower tokenizers.training.learning_rate or clip"
            )
        if not self.history or row["validation"] < min(past["validation"] for past in self.history):
            self.best = copy.deepcopy(self.model.state_dict())
        self.history.append(row)
        self.epoch, self.at = self.epoch + 1, 0
        self._clear()

    def _clear(self) -> None:
        codebook = self.settings.codebook
        self.sums = torch.zeros(len(NAMES), device=self.device)
        self.counts = torch.zeros(codebook.quantizers, codebook.size, dtype=torch.long, device=self.device)
        self.batches = 0

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Reconstruction loss of the validation split, a mean over frames, and how many codes it uses."""
        self.network.eval()
        total, frames = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        counts = torch.zeros_like(self.counts)
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        for batch in self._load(batched(self.validation, self.training.batch)[rank::world]):
            found, used_now = self._losses(batch)
            length = batch.mask.sum().to(self.device)
            total += found["reconstruction"] * length
            frames += length
            counts += used_now
        total, frames, counts = (self._reduce(x, "sum") for x in (total, frames, counts))
        self.network.train()
        return {"validation": (total / frames).item(), "codes": float((counts > 0).sum())}

    def save(self, path: Path) -> None:
        """Write all of the state, at once or not at all."""
        own = {"cpu": torch.get_rng_state(), "sums": self.sums.cpu(), "counts": self.counts.cpu()}
        if self.device.type == "cuda":
            own["gpu"] = torch.cuda.get_rng_state(self.device)
        state = {
            "network": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(), "processes": gather_object([own]),
            "epoch": self.epoch, "at": self.at, "batches": self.batches, "best": self.best, "history": self.history,
        }  # fmt: skip
        if self.accelerator.is_main_process:
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a written state."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.at, self.batches = state["epoch"], state["at"], state["batches"]
        self.best, self.history = state["best"], state["history"]
        own = state["processes"][self.accelerator.process_index]
        self.sums, self.counts = own["sums"].to(self.device), own["counts"].to(self.device)
        torch.set_rng_state(own["cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(own["gpu"], self.device)


class Batches(Dataset):
    """Batches of windows, read when they are asked for."""

    def __init__(self, motion: Motion, windows: list[list[Window]], downsampling: int) -> None:
        self.motion, self.windows, self.downsampling = motion, windows, downsampling

    def __len__(self) -> int:
        """How many batches."""
        return len(self.windows)

    def __getitem__(self, i: int) -> Batch:
        """Read one."""
        return self.motion.batch(self.windows[i], self.downsampling)


def cpu_computes_bf16() -> bool:
    """Whether this processor has instructions for bf16, without which it is slower than float32."""
    has = torch.cpu.get_capabilities()
    return any(has.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def validation_split(motion: Motion) -> str:
    """The split that chooses the best epoch: validation, or train where a small dataset has no such split."""
    if motion.runs("validation"):
        return "validation"
    log.warning("no clip is in the validation split; the training split chooses the best epoch")
    return "train"


def batched(items: list[Item], size: int) -> list[list[Item]]:
    """Consecutive parts of a length; the last may be shorter."""
    return [items[at : at + size] for at in range(0, len(items), size)]
