"""Models of the Hugging Face hub: fetched at a pinned revision, and one sentence where they cannot be had."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nonverbal.errors import UserError
from nonverbal.mars.settings import Base

Loaded = TypeVar("Loaded")
TIMEOUT_S = 10


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


def reach(name: str, revision: str, key: str) -> None:
    """See that a model is a folder, or cached, or on the hub and open to this account.

    Raises:
        UserError: it is gated, absent, misspelt, or there is no network; one sentence that names `key`.
    """
    if Path(name).is_dir():
        return
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HTTPError

    try:
        if isinstance(try_to_load_from_cache(name, "config.json", revision=revision), str):
            return
        HfApi().model_info(name, revision=revision, timeout=TIMEOUT_S)  # a download would retry for a minute first
        hf_hub_download(name, "config.json", revision=revision)
    except (OSError, ValueError, HTTPError) as error:
        raise UserError(f"config key {key}: {_sentence(name, revision, error)}") from error


def _sentence(name: str, revision: str, error: Exception) -> str:
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    folder = "write a folder that holds the model"
    if isinstance(error, GatedRepoError):
        return (
            f"{name} is gated; accept its licence at https://huggingface.co/{name} and set HF_TOKEN in the "
            f"environment, or {folder}"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{name} has no revision {revision}; write a commit of that repository"
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return (
            f"there is no model {name} on the hub that this account may see; write a hub id as in config.yaml, set "
            f"HF_TOKEN where it is private, or {folder}"
        )
    return (
        f"{name} is not cached and the hub cannot be reached; fetch it where there is a network "
        f"(HF_TOKEN=... hf download {name} --revision {revision}), or {folder}"
    )
