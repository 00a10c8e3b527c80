"""Fetch a model that lies in no package, once, into the folder of models."""

import functools
import urllib.request
from pathlib import Path

from nonverbal.errors import UserError
from nonverbal.models import File, Licensed, Packaged, Repository, fetched, registry
from nonverbal.models.hub import snapshot
from nonverbal.progress import track

CHUNK = 2**20
TIMEOUT_S = 60


def fetch_model(folder: Path) -> None:
    """Fetch and verify the model that the folder is named for; what a killed fetch left is used where it can be.

    Args:
        folder: MODELS/NAME, to make; NAME is a row of the registry.

    Raises:
        UserError: it can't be had, or is not what the registry names; says what to do.
    """
    model = registry()[folder.name]
    if isinstance(model, Packaged):
        raise TypeError(f"{folder.name} lies inside the package {model.package}")
    if isinstance(model, Licensed):
        fetched([folder])
        return
    partial = folder.with_name(f".{folder.name}.partial") / folder.name
    partial.mkdir(parents=True, exist_ok=True)
    if isinstance(model, File):
        _download(model, partial / model.name)
    elif isinstance(model, Repository):
        snapshot(model.hub, model.revision, model.files, partial, model.used_for)
    fetched([partial])
    if folder.exists():
        folder.rmdir()  # Snakemake makes folders of outputs
    partial.rename(folder)
    partial.parent.rmdir()


def _download(model: File, path: Path) -> None:
    place = path.parent.parent.parent / path.parent.name / path.name
    try:
        with (
            urllib.request.urlopen(model.url, timeout=TIMEOUT_S) as answer,  # noqa: S310 - http(s), by the registry
            path.open("wb") as file,
        ):
            size = int(answer.headers.get("Content-Length", 0))
            chunks = iter(functools.partial(answer.read, CHUNK), b"")
            for chunk in track(chunks, f"MB of {path.name}", total=-(-size // CHUNK) or None):
                file.write(chunk)
    except OSError as error:
        raise UserError(
            f"config key {model.used_for}: {model.url} can't be fetched ({error}); "
            f"fetch it where there is a network and put it at {place}"
        ) from error
