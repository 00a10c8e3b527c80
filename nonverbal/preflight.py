"""Before the first job: every model of the chosen backends is there, is the one the registry names, and may be used."""

import importlib.metadata
from pathlib import Path

from nonverbal.config import Config
from nonverbal.environments.files import OVERRIDES
from nonverbal.errors import UserError
from nonverbal.models import Licensed, Packaged, Repository, fetched, model_path, needed, registry
from nonverbal.models.hub import check_access
from nonverbal.settings import Settings
from nonverbal.tokenizers.settings import HubSource


def preflight(config: Config, environments: bool) -> None:
    """Check the environments and models that this run will use.

    Models inside packages that this environment lacks belong to a rule's environment and are checked there.

    Args:
        config: of the run.
        environments: whether each rule runs in the environment that it names.

    Raises:
        UserError: naming the config key and what to write.
    """
    if not environments:
        _check_default_environment(config.tokenizers if config.published else config, "")
    for name, model in registry().items():
        if isinstance(model, Packaged) and _installed(model.package):
            model_path(name)
    for name in sorted(set(needed(config.tokenizers if config.published else config))):
        _check_fetched(Path(config.models) / name)
    if config.published:  # no other stage runs
        _check_published(config.published, Path(config.results))
    elif config.cues.body.backend == "osx":
        from nonverbal.cues.osx import checkout_of

        checkout_of(config.cues.body.osx)


def _check_default_environment(settings: Settings, key: str) -> None:
    if (family := getattr(settings, "family", None)) in OVERRIDES:
        raise UserError(
            f"config key {key}.backend needs an environment of its own, envs/{family}.yaml: add --sdm conda, or write "
            "the backend that config.yaml names"
        )
    for name in type(settings).model_fields:
        if isinstance(section := getattr(settings, name), Settings):
            _check_default_environment(section, f"{key}.{name}".lstrip("."))


def _check_fetched(folder: Path) -> None:
    model = registry()[folder.name]
    if folder.exists() or isinstance(model, Licensed):
        fetched([folder])
    elif isinstance(model, Repository):
        try:
            check_access(model.hub, model.revision, model.used_for)
        except UserError as error:
            raise UserError(f"{error}, as {folder}") from None


def _check_published(source: HubSource, results: Path) -> None:
    if source.repository and source.revision and not (results / "tokenizers" / "fetch_records").exists():
        check_access(source.repository, source.revision, "sources.repository", kind="dataset")


def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
