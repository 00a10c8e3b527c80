"""Checkpoints of other projects, read for their tensors: nothing that they name is imported or run."""

import collections
from pathlib import Path

import torch


class Inert:
    """Stands for an object of a class that a checkpoint names and nothing here needs."""

    def __init__(self, *arguments: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        """Forget it."""


CONTAINERS = {
    "builtins.dict": dict,
    "builtins.list": list,
    "builtins.int": int,
    "collections.defaultdict": collections.defaultdict,
}


def load_inert(path: Path) -> dict:
    """A checkpoint, read without running what it names: tensors stay, objects of foreign classes become `Inert`."""
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    classes = [CONTAINERS.get(name) or type(name.rpartition(".")[2], (Inert,), {}) for name in names]
    with torch.serialization.safe_globals(list(zip(classes, names, strict=True))):
        return torch.load(path, map_location="cpu", weights_only=True)
