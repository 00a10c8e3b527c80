"""Before the first job: every model of the chosen backends is there, is the one the registry names, and may be used."""

import importlib.metadata

from nonverbal.config import Config
from nonverbal.mars.hub import check_base
from nonverbal.models import model_path, registry


def preflight(config: Config) -> None:
    """Check the models that this run will load.

    Models inside packages that this environment lacks belong to a rule's environment and are checked there.

    Raises:
        UserError: naming the config key and what to write.
    """
    check_base(config.mars.base)
    for name, model in registry().items():
        if _installed(model.package):
            model_path(name)


def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
