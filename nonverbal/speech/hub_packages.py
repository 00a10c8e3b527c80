"""What whisperx and pyannote.audio are told before they are imported: no network, no reports, no code in weights."""

import importlib.util
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager

from nonverbal.errors import UserError

ENVIRONMENT = {
    "PYANNOTE_METRICS_ENABLED": "0",  # pyannote.audio reports each use to its makers otherwise
    "HF_HUB_OFFLINE": "1",  # rule fetch_model fetches models, and nothing else does
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",  # pyannote.audio asks for all that a checkpoint's pickle may run
}


def prepare(package: str, key: str) -> None:
    """Set this process up for these packages, whose settings are read when they are imported.

    Raises:
        UserError: the package is not installed; names the config key.
    """
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"config key {key}: {package} is not installed here; run snakemake with --sdm conda, which makes "
            "envs/whisperx.yaml for this rule, or write embedded"
        )
    os.environ.update(ENVIRONMENT)
    allow_checkpoint_classes()


@contextmanager
def nothing_but_weights(key: str) -> Iterator[None]:
    """Load checkpoints inside; `prepare` has seen to it that nothing in them runs.

    Raises:
        UserError: one holds something else; names the config key.
    """
    try:
        yield
    except pickle.UnpicklingError as error:
        raise UserError(
            f"config key {key}: a checkpoint holds more than weights, and none of it is loaded: remove its folder from "
            "the folder of models, so that the published one is fetched"
        ) from error


def allow_checkpoint_classes() -> None:
    """Name the classes that pyannote.audio's checkpoints hold beside tensors: plain descriptions of a network."""
    from collections import defaultdict
    from typing import Any

    import torch
    from omegaconf import DictConfig, ListConfig
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.nodes import AnyNode
    from pyannote.audio.core.model import Introspection
    from pyannote.audio.core.task import Problem, Resolution, Specifications

    described = [Introspection, Problem, Resolution, Specifications]
    configured = [AnyNode, ContainerMetadata, DictConfig, ListConfig, Metadata]
    plain = [Any, defaultdict, dict, int, list, torch.torch_version.TorchVersion]
    torch.serialization.add_safe_globals([*described, *configured, *plain])
