"""The base model and the metrics' models: from the hub at a pinned revision, or a folder."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nonverbal.errors import UserError
from nonverbal.mars.settings import Base
from nonverbal.models.hub import reach

Loaded = TypeVar("Loaded")


def check_base(settings: Base) -> None:
    """See, before the first job, that the base model can be had; asks the hub only for what is not cached.

    Raises:
        UserError: naming the key and what to write.
    """
    if settings.name == "tiny":
        return
    if not settings.revision and not Path(settings.name).is_dir():
        raise UserError(
            f"config key mars.base.revision is empty; write the commit of {settings.name}, 40 hexadecimal digits, "
            "or set mars.base.name to tiny or to a folder that holds a model"
        )
    if importlib.util.find_spec("huggingface_hub") is not None:  # else the rule `base` asks, in its own environment
        reach(settings.name, settings.revision, "mars.base.name")


def from_hub(load: Callable[..., Loaded], name: str, revision: str, key: str) -> Loaded:
    """`load(name, revision=...)`, a `from_pretrained` of transformers.

    Raises:
        UserError: the model cannot be had or loaded; one sentence that names `key`.
    """
    reach(name, revision, key)
    try:
        return load(name, revision=revision or None)
    except (OSError, ValueError) as error:
        raise UserError(f"config key {key}: {name} cannot be loaded: {str(error).splitlines()[0]}") from error
