"""Supervised fine-tuning of the base model on the records (paper appendix C)."""

import csv
import logging
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from transformers import PreTrainedTokenizerBase as AnyTokenizer
from transformers.utils import is_flash_attn_2_available

from nonverbal.errors import Drop, UserError
from nonverbal.mars.encode import Encoded, encode_records, read_records, sample_records, token_kinds
from nonverbal.mars.files import new_folder
from nonverbal.mars.lora import add_adapter, keep_adapter, merge_adapter
from nonverbal.mars.packing import PACKED, alone, pack
from nonverbal.mars.samples import Samples, write_samples
from nonverbal.mars.saved import device, load_saved
from nonverbal.mars.settings import Training
from nonverbal.mars.speed import Cost, Meter, peak
from nonverbal.mars.trainer import (
    HISTORY,
    SPEED,
    MarsTrainer,
    best_checkpoint,
    is_last,
    last_whole_checkpoint,
    read_state,
)  # fmt: skip
from nonverbal.processes import launch
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import write_table
from nonverbal.shards import work_folder

log = logging.getLogger("nonverbal")


@dataclass(frozen=True)
class Job:
    """One training, as each of its processes gets it."""

    base: Path
    work: Path
    settings: Training
    seed: int
    checkpoint: Path | None


def train_mars(
    base: Path, train: Path, validation: Path, model: Path, history: Path, speed: Path, examples: Path,
    settings: Training, seed: int,
) -> None:  # fmt: skip
    """Train, resuming from the last whole checkpoint of a killed run, and save the best checkpoint's model.

    Without validation records the last model is saved. GPU: bfloat16 autocast over float32 weights; CPU: float32.

    Args:
        base: folder with model and tokenizer.
        train, validation: records.
        model: folder to write (safetensors, tokenizer); with LoRA the merged model, and its adapter in `adapter`.
        history: CSV to write, a row each `checkpoint_steps` steps: HISTORY; losses in nats a token.
        speed: CSV to write, likewise: SPEED; tokens of samples, not of padding.
        examples: decision table to write: which records of the training split and of the validation split's sample
            fit into `settings.length` tokens.

    Raises:
        UserError: there is no training record that fits, or attention cannot be computed as asked.
    """
    network, tokenizer = load_saved(base)
    check_attention(settings.attention)
    judged = sample_records(validation, settings.validation, seed)
    encoded = {
        split: encode_split(split, records, tokenizer, settings.length)
        for split, records in (("train", read_records(train)), ("validation", judged))
    }
    write_table(examples, "examples", [row for rows, _ in encoded.values() for row in rows])
    if not encoded["train"][1]:
        raise UserError(
            f"there is nothing to train MARS on: {train} holds no record of at most {settings.length} tokens; "
            "add videos with answered utterances, or raise config key mars.training.length"
        )
    if settings.lora:
        add_adapter(network, tokenizer, settings.lora)  # or an error, before any process starts
    del network
    inputs = [hash_path(path) for path in (base, train, validation)]
    key = [settings.model_dump(), seed, *inputs, torch.__version__, transformers.__version__]
    work = work_folder(model, key)
    for split, (_, samples) in encoded.items():
        write_samples(work / split, samples)
    done = last_whole_checkpoint(work)
    if done is None or not is_last(done):
        log.info("train_mars: going on after %s", done.name if done else "nothing")
        launch(
            train_network,
            Job(base, work, settings, seed, done),
            work,
            settings.processes,
            settings.nodes,
            settings.threads,
        )
    finish(base, work, model, settings, history, speed)
    shutil.rmtree(work)


def check_attention(name: str) -> None:
    """See that attention can be computed in this way.

    Raises:
        UserError: it can't.
    """
    if name == "flash_attention_2" and not (device() == "cuda" and is_flash_attn_2_available()):
        raise UserError(
            "config key mars.training.attention: flash_attention_2 needs a GPU and the package flash-attn; install it, "
            "or write sdpa"
        )


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


def train_network(job: Job) -> None:
    """Train in this process, alone or with others; the first writes checkpoints to the work folder."""
    settings = job.settings
    torch.set_num_threads(settings.threads)
    network, tokenizer = load_saved(job.base)
    network.set_attn_implementation(PACKED if settings.attention == "sdpa" else settings.attention)
    kinds = token_kinds(tokenizer, network.config.vocab_size)
    torch.manual_seed(job.seed)
    cost = Cost.of(network)
    if settings.lora:
        network = add_adapter(network, tokenizer, settings.lora)
        cost = cost.frozen(sum(p.numel() for p in network.parameters() if p.requires_grad))
    samples, scored = (Samples(job.work / split) for split in ("train", "validation"))
    packs = pack(samples, settings.length) if settings.packing else alone(samples)
    log.info("train: %d samples, %d tokens in %d sequences", len(samples), samples.lengths.sum(), len(packs))
    meter = Meter(cost, peak(), settings.world)
    pad = tokenizer.pad_token_id
    trainer = MarsTrainer(network, kinds, packs, scored, settings, job.seed, job.work, pad, meter)
    trainer.train(resume_from_checkpoint=str(job.checkpoint) if job.checkpoint else None)
    trainer.accelerator.end_training()


def finish(base: Path, work: Path, model: Path, settings: Training, history: Path, speed: Path) -> None:
    """Write the outputs from the checkpoints of a training that has ended."""
    last = last_whole_checkpoint(work)
    assert last is not None, "training writes a checkpoint when it ends"
    best, state = best_checkpoint(work, last), read_state(last)
    network, tokenizer = load_saved(base)
    with new_folder(model) as folder:
        if settings.lora:
            network = merge_adapter(network, best)
            keep_adapter(best, folder / "adapter")
        else:
            network = type(network).from_pretrained(best, dtype=torch.float32, local_files_only=True)
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_log(history, state["log_history"], HISTORY)
    write_log(speed, state["log_history"], SPEED)
    log.info("train_mars: %d steps, best %s", state["global_step"], state["best_metric"])


def write_log(path: Path, entries: list[dict[str, float]], columns: Sequence[str]) -> None:
    """Columns of the Trainer's log as CSV: what it logged of one step in one row."""
    rows: dict[int, dict[str, float]] = {}
    for entry in entries:
        if "loss" in entry or "eval_loss" in entry:
            row = rows.setdefault(int(entry["step"]), {})
            row.update({name: value for name, value in entry.items() if name in columns})
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[step] for step in sorted(rows))
