"""Run one rule's function: typed arguments from Snakemake, logging, seeds, threads and the run record."""

import gc
import inspect
import logging
import os
import random
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from nonverbal.errors import UserError
from nonverbal.provenance.record import Recorder


def run(snakemake: Any, function: Callable[..., None]) -> None:  # noqa: ANN401 - the object Snakemake injects
    """Call `function` with the rule's named inputs, outputs and params, and write its run record.

    The names in the rule are the names of the function's arguments: files arrive as `Path` (or lists of them),
    params that are settings arrive as their pydantic model, and `seed`, `threads` and `shard` where it takes them.
    """
    _log_to(snakemake.log[0] if snakemake.log else None)
    _limit_threads(snakemake.threads)
    seed = int(snakemake.params.get("seed", 0))
    seed_everything(seed)
    with Recorder(snakemake, function, seed):
        try:
            function(**arguments(snakemake, function))
        except UserError as error:
            logging.getLogger("nonverbal").error("%s", error)
            sys.exit(1)
    gc.freeze()  # outputs are closed and hashed: to look for garbage in all modules at the end takes up to a second


def arguments(snakemake: Any, function: Callable[..., None]) -> dict[str, Any]:  # noqa: ANN401
    """The keyword arguments of `function` from a rule's inputs, outputs, params, wildcards and threads."""
    hints = typing.get_type_hints(function)
    values: dict[str, Any] = {}
    for files in (snakemake.input, snakemake.output):
        values |= {name: _as_path(value, hints.get(name)) for name, value in files.items()}
    values |= {name: _as_setting(value, hints.get(name)) for name, value in snakemake.params.items()}
    values |= dict(snakemake.wildcards.items())
    values["threads"] = snakemake.threads
    accepted = inspect.signature(function).parameters
    optional = {"threads", "seed", *dict(snakemake.wildcards.items())}
    return {name: value for name, value in values.items() if name in accepted or name not in optional}


def _as_path(value: Any, hint: Any) -> Path | list[Path]:  # noqa: ANN401
    many = typing.get_origin(hint) is list
    if isinstance(value, str):
        return [Path(value)] if many else Path(value)
    return [Path(one) for one in value]


def _as_setting(value: Any, hint: Any) -> Any:  # noqa: ANN401
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint.model_validate(value)
    if hint is Path:
        return Path(value)
    return value


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and, where it is loaded, torch."""
    random.seed(seed)
    np.random.seed(seed)  # for libraries that draw from the global generator
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(seed)


def _limit_threads(threads: int) -> None:
    # Two jobs that fight over cores run ten times slower; OMP_NUM_THREADS is set by Snakemake before Python starts.
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    if "cv2" in sys.modules:
        import cv2

        cv2.setNumThreads(threads)


def _log_to(path: str | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w"))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=handlers, force=True
    )
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
