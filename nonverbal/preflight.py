"""Before the first job: every model of the chosen backends is there, is the one the registry names, and may be used."""

import importlib.metadata
from pathlib import Path

from nonverbal.config import Config
from nonverbal.errors import UserError
from nonverbal.mars.hub import check_base
from nonverbal.models import Licensed, Packaged, Repository, fetched, model_path, needed, registry
from nonverbal.models.hub import check_access


def preflight(config: Config) -> None:
    """Check the models that this run will load or fetch.

    Models inside packages that this environment lacks belong to a rule's environment and are checked there.

    Raises:
        UserError: naming the config key and what to write.
    """
    check_base(config.mars.base)
    for name, model in registry().items():
        if isinstance(model, Packaged) and _installed(model.package):
            model_path(name)
    for name in sorted(set(needed(config))):
        _check_fetched(Path(config.models) / name)


def _check_fetched(folder: Path) -> None:
    model = registry()[folder.name]
    if folder.exists() or isinstance(model, Licensed):
        fetched([folder])
    elif isinstance(model, Repository):
        try:
            check_access(model.hub, model.revision, model.used_for)
        except UserError as error:
            raise UserError(f"{error}, as {folder}") from None


def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
