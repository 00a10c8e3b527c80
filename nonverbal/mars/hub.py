"""Models of transformers: from the hub at a pinned revision, or a folder."""

from collections.abc import Callable
from typing import TypeVar

from nonverbal.errors import UserError
from nonverbal.models.hub import reach

Loaded = TypeVar("Loaded")


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
