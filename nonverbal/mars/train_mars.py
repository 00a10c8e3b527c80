"""Supervised fine-tuning of the base model on the records (paper appendix C)."""

import csv
import json
import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
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
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import Drop, UserError
from nonverbal.mars.encode import Encoded, encode_records, read_records, sample_records, token_kinds
from nonverbal.mars.files import new_folder
from nonverbal.mars.likelihood import summary, token_likelihood
from nonverbal.mars.packing import Pack, alone, collate, pack
from nonverbal.mars.saved import device, load_saved
from nonverbal.mars.settings import Training
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import write_table
from nonverbal.shards import work_folder

log = logging.getLogger("nonverbal")
STATE = "trainer_state.json"  # the last file the Trainer writes into a checkpoint
HISTORY = (
    "step", "epoch", "loss", "learning_rate", "grad_norm", "eval_loss", "eval_nll_text", "eval_nll_face",
    "eval_nll_body",
)  # fmt: skip


def train_mars(
    base: Path, train: Path, validation: Path, model: Path, history: Path, examples: Path, settings: Training, seed: int
) -> None:
    """Train, resuming from the last whole checkpoint of a killed run, and save the best checkpoint's model.

    Without validation records the last model is saved. One GPU: bfloat16 autocast over float32 weights; CPU: float32.

    Args:
        base: folder with model and tokenizer.
        train, validation: records.
        model: folder to write (safetensors, tokenizer).
        history: CSV to write, a row each `checkpoint_steps` steps: HISTORY; losses in nats a token.
        examples: decision table to write: which records of the training split and of the validation split's sample
            fit into `settings.length` tokens.

    Raises:
        UserError: there is no training record that fits.
    """
    network, tokenizer = load_saved(base)
    judged = sample_records(validation, settings.validation, seed)
    encoded = {
        split: encode_split(split, records, tokenizer, settings.length)
        for split, records in (("train", read_records(train)), ("validation", judged))
    }
    write_table(examples, "examples", [row for rows, _ in encoded.values() for row in rows])
    data, scored = (samples for _, samples in encoded.values())
    if not data:
        raise UserError(
            f"there is nothing to train MARS on: {train} holds no record of at most {settings.length} tokens; "
            "add videos with answered utterances, or raise config key mars.training.length"
        )
    packs = pack(data, settings.length) if settings.packing else alone(data)
    tokens = sum(len(one.ids) for one in data)
    log.info("train: %d samples, %d tokens in %d sequences", len(data), tokens, len(packs))
    inputs = [hash_path(path) for path in (base, train, validation)]
    key = [settings.model_dump(), seed, *inputs, torch.__version__, transformers.__version__]
    work = work_folder(model, key)
    torch.manual_seed(seed)
    trainer = make_trainer(network, tokenizer, packs, scored, settings, seed, work)
    trainer.train(resume_from_checkpoint=last_whole_checkpoint(work))
    with new_folder(model) as folder:
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_history(history, trainer.state.log_history)
    log.info("train_mars: %d steps, best %s", trainer.state.global_step, trainer.state.best_metric)
    shutil.rmtree(work)


def encode_split(
    split: str, records: Iterable[dict], tokenizer: AnyTokenizer, length: int
) -> tuple[list[dict], list[Encoded]]:
    """Rows of table `examples`, one a record, and those records that fit."""
    rows, samples = [], []
    for record, found in encode_records(records, tokenizer, length):
        row = {"clip_id": record["clip_id"], "utterance_id": record["utterances"][-1], "split": split}
        if isinstance(found, Drop):
            rows.append(row | {"tokens": 0, "turns": 0, "kept": False, "reason": found.reason, "detail": found.detail})
        else:
            messages = sum(message["role"] != "system" for message in record["messages"][:-1])
            detail = f"{found.turns} of {messages} messages before the answer"
            counts = {"tokens": len(found.ids), "turns": found.turns}
            rows.append(row | counts | {"kept": True, "reason": "", "detail": detail})
            samples.append(found)
    return rows, samples


def make_trainer(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    train: Sequence[Pack],
    validation: Sequence[Encoded],
    settings: Training,
    seed: int,
    work: Path,
) -> "MarsTrainer":
    """The Trainer with our data, losses and checkpoints."""
    trainer = MarsTrainer(
        model=model,
        args=arguments(settings, seed, work, scored=bool(validation)),
        train_dataset=list(train),  # type: ignore[arg-type]  # any sized sequence will do
        eval_dataset=list(validation) or None,  # type: ignore[arg-type]
        data_collator=lambda batch: collate(batch, tokenizer.pad_token_id, settings.loss),
        callbacks=[LogLines()],
    )
    trainer.kinds = token_kinds(tokenizer, model.config.vocab_size)
    trainer.remove_callback(PrinterCallback)
    if validation and settings.patience:
        trainer.add_callback(StaysStopped(settings.patience))
    return trainer


def arguments(settings: Training, seed: int, work: Path, scored: bool) -> TrainingArguments:
    """Our settings in the Trainer's words."""
    gpu = device() == "cuda"
    return TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=settings.micro_batch,
        per_device_eval_batch_size=settings.micro_batch,
        gradient_accumulation_steps=settings.batch // settings.micro_batch,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warm_up,
        lr_scheduler_type="cosine",
        max_grad_norm=settings.clip,
        bf16=gpu,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        logging_steps=settings.checkpoint_steps,
        save_steps=settings.checkpoint_steps,
        eval_steps=settings.checkpoint_steps,
        eval_strategy="steps" if scored else "no",
        load_best_model_at_end=scored,
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


class MarsTrainer(Trainer):
    """A Trainer whose validation loss is the mean over all answer tokens, told apart by kind.

    The Trainer's own is a mean of batch means, in which a token of a short batch counts more.
    """

    kinds: torch.Tensor
    model: PreTrainedModel
    eval_dataset: Sequence[Encoded]  # type: ignore[assignment]

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # noqa: ANN401 - the Trainer's signature
        """Score the validation records; logs and returns eval_loss and eval_nll_text, _face and _body."""
        batch = self.args.per_device_eval_batch_size
        tokens = token_likelihood(self.model, self.eval_dataset, self.kinds, batch, "validation")
        scores = {f"eval_{name}": value for name, value in summary(tokens).items() if value is not None}
        metrics = {"eval_loss": scores.pop("eval_nll_all"), **scores}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class StaysStopped(EarlyStoppingCallback):
    """Early stopping that also holds when a run is killed after it stopped and started again."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Stop after one step, which is lost when the best checkpoint is loaded."""
        super().on_train_begin(args, state, control, **kwargs)
        control.should_training_stop = self.early_stopping_patience_counter >= self.early_stopping_patience


class LogLines(TrainerCallback):
    """One log line for each entry of the history."""

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
        values = ", ".join(f"{name} {value:.4g}" for name, value in kwargs["logs"].items() if name in HISTORY)
        log.info("step %d/%d: %s", state.global_step, state.max_steps, values)


def last_whole_checkpoint(work: Path) -> str | None:
    """The newest checkpoint of a killed run that was written to its end; others are removed."""
    whole = []
    for folder in work.glob("checkpoint-*"):
        try:
            json.loads((folder / STATE).read_text())
            whole.append(folder)
        except (FileNotFoundError, json.JSONDecodeError):
            shutil.rmtree(folder)
    last = max(whole, key=lambda folder: int(folder.name.split("-")[1]), default=None)
    if last is not None:
        log.info("resuming from %s", last.name)
    return str(last) if last is not None else None


def write_history(path: Path, entries: list[dict[str, float]]) -> None:
    """The Trainer's log as CSV: training and validation numbers of one step in one row."""
    rows: dict[int, dict[str, float]] = {}
    for entry in entries:
        if "loss" in entry or "eval_loss" in entry:
            row = rows.setdefault(int(entry["step"]), {})
            row.update({name: value for name, value in entry.items() if name in HISTORY})
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, HISTORY, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[step] for step in sorted(rows))
