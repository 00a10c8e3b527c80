"""Train the face or body tokenizer (paper, appendix B.1); a killed job goes on after its last checkpoint."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from nonverbal.processes import launch
from nonverbal.provenance.hashes import hash_path
from nonverbal.shards import work_folder
from nonverbal.tokenizers.dashboard import Dashboard
from nonverbal.tokenizers.model import save_model
from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.settings import Tokenizer, Training
from nonverbal.tokenizers.trainer import Trainer

log = logging.getLogger("nonverbal")


@dataclass(frozen=True)
class Job:
    """One training, as each of its processes gets it."""

    label: str
    part: str
    frames: Path
    index: Path
    scale: Path
    work: Path
    settings: Tokenizer
    training: Training
    seed: int


def train_tokenizer(
    part: str, row: str, frames: Path, index: Path, scale: Path, model: Path, history: Path, events: Path,
    settings: Tokenizer, training: Training, seed: int,
) -> None:  # fmt: skip
    """Train, and keep the weights with the best reconstruction of the validation split.

    Args:
        part: face, body, or joint, which is both.
        row: of table 3.
        frames, index, scale: what the frames rule wrote.
        model: weights to write, with all it takes to rebuild the model.
        history: CSV to write: losses, codes in use and learning rate, a row an epoch.
        events: folder to write TensorBoard's files to.
        settings: codebook, network and losses.
        training: optimisation.
        seed: of weights, windows and codebook.
    """
    key = [hash_path(index), hash_path(scale), settings.model_dump(), training.model_dump(), seed, torch.__version__]
    work = work_folder(model, key)
    job = Job(f"train_tokenizer {part} {row}", part, frames, index, scale, work, settings, training, seed)
    launch(train, job, work, training.processes)
    table = pd.read_csv(work / "history.csv", index_col="epoch")
    log.info("%s: best epoch\n%s", job.label, table.iloc[table["validation"].argmin()].to_string())
    shutil.rmtree(events, ignore_errors=True)
    (work / "events").rename(events)
    (work / "history.csv").replace(history)
    (work / "model.pt").replace(model)
    shutil.rmtree(work)


def train(job: Job) -> None:
    """Train in this process, alone or with others; the first writes model, history and events to the work folder."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")  # in a started process
    torch.set_num_threads(job.training.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    motion = Motion.load(job.frames, job.index, job.scale)
    workers = job.training.threads - 1 if torch.cuda.is_available() else 0
    trainer = Trainer(motion, job.settings, job.training, job.seed, workers)
    checkpoint = job.work / "checkpoint.pt"
    if checkpoint.exists():
        trainer.restore(checkpoint)
        log.info("%s: going on after epoch %d, step %d", job.label, trainer.epoch, trainer.at)
    first = trainer.accelerator.is_main_process
    steps, events = trainer.steps_an_epoch * job.training.epochs, job.work / "events" if first else None
    with Dashboard(job.label, steps, events, trainer.epoch) as dashboard:
        trainer.run(checkpoint, dashboard)
    if first:
        trainer.model.load_state_dict(trainer.best)
        table = pd.DataFrame(trainer.history)
        table.to_csv(job.work / "history.csv", index_label="epoch", float_format="%.6g")
        save_model(job.work / "model.pt", trainer.model.cpu(), job.settings, job.part, motion.scale)
    trainer.accelerator.end_training()
