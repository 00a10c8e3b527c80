"""Before the first job: every model of the chosen backends is there, is the one the registry names, and may be used."""

import importlib.metadata
from collections.abc import Collection, Iterator
from pathlib import Path

from nonverbal.config import Config
from nonverbal.environments.files import OVERRIDES
from nonverbal.errors import UserError
from nonverbal.models import Licensed, Packaged, Repository, fetched, model_path, registry
from nonverbal.models.hub import check_access
from nonverbal.settings import Settings
from nonverbal.tokenizers.settings import HubSource


def preflight(config: Config, rules: Collection[str], environments: bool) -> None:
    """Check the environments and models that the rules to run will use.

    Models inside packages that this environment lacks belong to a rule's environment and are checked there.

    Args:
        config: of the run.
        rules: names of the rules that have a job in this run; a section of the config is of the rule of its name.
        environments: whether each rule runs in the environment that it names.

    Raises:
        UserError: naming the config key and what to write.
    """
    chosen = {key: section for key, section in sections(config) if key.rpartition(".")[2] in rules}
    for key, section in chosen.items():
        if not environments and (family := getattr(section, "family", None)) in OVERRIDES:
            raise UserError(
                f"config key {key}.backend needs an environment of its own, envs/{family}.yaml: add --sdm conda, or "
                "write the backend that config.yaml names"
            )
    for name, model in registry().items():
        if isinstance(model, Packaged) and _installed(model.package):
            model_path(name)
    for name in sorted({model for section in chosen.values() for model in getattr(section, "models", ())}):
        _check_fetched(Path(config.models) / name)
    if config.published and "fetch_records" in rules:
        _check_published(config.published)
    if config.cues.body.backend == "osx" and "body" in rules:
        from nonverbal.cues.osx import checkout_of

        checkout_of(config.cues.body.osx)


def sections(settings: Settings, key: str = "") -> Iterator[tuple[str, Settings]]:
    """All sections of settings, and theirs, as `stage.rule.section`."""
    for name in type(settings).model_fields:
        if isinstance(section := getattr(settings, name), Settings):
            yield f"{key}{name}", section
            yield from sections(section, f"{key}{name}.")


def _check_fetched(folder: Path) -> None:
    model = registry()[folder.name]
    if folder.exists() or isinstance(model, Licensed):
        fetched([folder])
    elif isinstance(model, Repository):
        try:
            check_access(model.hub, model.revision, model.used_for)
        except UserError as error:
            raise UserError(f"{error}, as {folder}") from None


def _check_published(source: HubSource) -> None:
    if source.repository and source.revision:
        check_access(source.repository, source.revision, "sources.repository", kind="dataset")


def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
