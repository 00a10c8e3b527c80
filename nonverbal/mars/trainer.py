"""The Trainer of transformers with our packs, losses, validation, speed and checkpoints, in one or many processes."""

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from accelerate.utils import gather_object
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import is_liger_kernel_available

from nonverbal.mars.encode import Encoded
from nonverbal.mars.likelihood import summary, token_likelihood
from nonverbal.mars.packing import Pack, in_one_row
from nonverbal.mars.saved import device
from nonverbal.mars.settings import Training
from nonverbal.mars.speed import Meter
from nonverbal.progress import Live

log = logging.getLogger("nonverbal")
STATE = "trainer_state.json"  # the last file the Trainer writes into a checkpoint
HISTORY = (
    "step", "epoch", "loss", "learning_rate", "grad_norm", "eval_loss", "eval_nll_text", "eval_nll_face",
    "eval_nll_body",
)  # fmt: skip
SPEED = ("step", "tokens_a_second", "mfu")


def arguments(settings: Training, seed: int, work: Path, scored: bool) -> TrainingArguments:
    """Our settings in the Trainer's words."""
    gpu = device() == "cuda"
    made = TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=settings.micro_batch,
        per_device_eval_batch_size=settings.micro_batch,
        gradient_accumulation_steps=settings.batch // (settings.micro_batch * settings.world),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warm_up,
        lr_scheduler_type="cosine",
        max_grad_norm=settings.clip,
        bf16=gpu,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        # FSDP computes activations again by itself, with one exchange of weights less.
        activation_checkpointing=settings.gradient_checkpointing and not settings.fsdp,
        fsdp=settings.fsdp,  # type: ignore[arg-type]  # a bool, as its documentation says
        fsdp_config={"activation_checkpointing": settings.gradient_checkpointing} if settings.fsdp else None,
        ddp_find_unused_parameters=False,
        use_liger_kernel=gpu and settings.liger and is_liger_kernel_available(),
        # Its joint output layer and loss would read the frozen rows alone.
        liger_kernel_config={"fused_linear_cross_entropy": False, "cross_entropy": True} if settings.lora else None,
        logging_steps=settings.checkpoint_steps,
        save_steps=settings.checkpoint_steps,
        eval_steps=settings.checkpoint_steps,
        eval_strategy="steps" if scored else "no",
        metric_for_best_model="eval_loss" if scored else None,
        greater_is_better=False if scored else None,
        save_total_limit=2,  # the best and the last
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
    )
    if made.device.type == "cuda":
        made._n_gpu = 1  # this process's; the Trainer would divide a batch among all it sees
    return made


class MarsTrainer(Trainer):
    """A Trainer whose validation loss is the mean over all answer tokens, told apart by kind.

    The Trainer's own is a mean of batch means, in which a token of a short batch counts more.

    Args:
        model: with or without adapters.
        kinds: of tokens, as `token_likelihood` takes them.
        train: packs; filled up with empty ones to whole steps, so that any number of processes takes the same steps.
        validation: answers that score a checkpoint, or none.
        pad: token of padding.
    """

    model: PreTrainedModel
    eval_dataset: Sequence[Encoded]  # type: ignore[assignment]

    def __init__(
        self,
        model: PreTrainedModel,
        kinds: torch.Tensor,
        train: Sequence[Pack],
        validation: Sequence[Encoded],
        settings: Training,
        seed: int,
        work: Path,
        pad: int,
        meter: Meter,
    ) -> None:
        self.kinds, self.meter = kinds, meter

        super().__init__(
            model=model,
            args=arguments(settings, seed, work, scored=bool(validation)),
            train_dataset=[*train, *([[]] * (-len(train) % settings.batch))],  # type: ignore[arg-type]
            eval_dataset=list(validation) or None,  # type: ignore[arg-type]
            data_collator=lambda packs: in_one_row(packs, pad, settings.loss),
            callbacks=[Reports(meter)],
        )
        self.remove_callback(PrinterCallback)
        if validation and settings.patience:
            self.add_callback(EarlyStoppingCallback(settings.patience))

    def get_batch_samples(
        self, epoch_iterator: Iterator, num_batches: int, device: torch.device
    ) -> tuple[list, torch.Tensor | int | None]:
        """The batches of a step, whose samples are counted."""
        self.meter.begin()
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        for one in batches:
            self.meter.add(one["sample_lengths"], one["shift_labels"].numel())
        return batches, items

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep an entry of the history, with the speed of the steps that it is of."""
        if "loss" in logs:
            speed = self.meter.speed("history")
            logs |= {"tokens_a_second": speed.tokens_a_second} | ({} if speed.mfu is None else {"mfu": speed.mfu})
        super().log(logs, start_time)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # noqa: ANN401 - the Trainer's signature
        """Score the validation records; logs and returns eval_loss and eval_nll_text, _face and _body."""
        rank, world, records = self.args.process_index, self.args.world_size, self.eval_dataset
        # Each process scores as many, for with FSDP all must compute at once; the last may score one for nothing.
        mine = [records[i % len(records)] for i in range(rank, -(-len(records) // world) * world, world)]
        batch = self.args.per_device_eval_batch_size
        tokens = token_likelihood(self.model, mine, self.kinds, batch, "validation")
        own = tokens[tokens["record"] < len(records[rank::world])]
        scores = summary(pd.concat(gather_object([own]) if world > 1 else [own]))
        metrics = {f"eval_{name}": value for name, value in scores.items() if value is not None}
        metrics["eval_loss"] = metrics.pop("eval_nll_all")
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_rng_state(self, output_dir: str) -> None:
        """As the Trainer does; the state, which says that a checkpoint is whole, is then written after all others."""
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()


class Reports(TrainerCallback):
    """One log line for each entry of the history, and how fast training is while it runs."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.live: Live | None = None

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Show a bar, in the first process alone."""
        if state.is_world_process_zero:
            self.live = Live("train_mars", state.max_steps)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Stop the clock, and tell the speed now and then."""
        self.meter.end()
        if self.live:
            self.live.show(state.global_step, lambda: str(self.meter.speed("live")))

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Take the bar away."""
        if self.live:
            self.live.close()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Log the numbers the Trainer has just logged."""
        if not {"loss", "eval_loss"} & set(kwargs["logs"]):
            return  # the Trainer's closing entry
        shown = (*HISTORY, *SPEED)
        values = ", ".join(f"{name} {value:.4g}" for name, value in kwargs["logs"].items() if name in shown)
        log.info("step %d/%d: %s", state.global_step, state.max_steps, values)


def last_whole_checkpoint(work: Path) -> Path | None:
    """The newest checkpoint of a killed run that was written to its end; others are removed."""
    whole = []
    for folder in work.glob("checkpoint-*"):
        try:
            read_state(folder)
            whole.append(folder)
        except (FileNotFoundError, json.JSONDecodeError):
            shutil.rmtree(folder)
    return max(whole, key=lambda folder: int(folder.name.split("-")[1]), default=None)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What the Trainer knew when it wrote a checkpoint."""
    return json.loads((checkpoint / STATE).read_text())  # type: ignore[no-any-return]


def is_last(checkpoint: Path) -> bool:
    """Whether training stopped with it: all steps were taken, or patience ended."""
    return bool(read_state(checkpoint)["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"])


def best_checkpoint(work: Path, last: Path) -> Path:
    """The checkpoint with the best validation loss, or the last where none was scored."""
    best = read_state(last)["best_global_step"]
    return work / f"checkpoint-{best}" if best else last
