"""Build a rule's environment from its file without conda: this machine's Python, packages from the package index."""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from nonverbal.environments.files import ROOT
from nonverbal.environments.installer import install, virtual_environment
from nonverbal.errors import UserError

BUILT = ROOT / ".environments"
LOG = logging.getLogger("nonverbal")


def build(family: str) -> Path:
    """The folder of a family's environment, built if no earlier call has finished it.

    Its name holds a hash of all that it is made from, so a changed file is another environment. A build that was killed
    is begun again; of two at a time, one waits for the other.

    Raises:
        UserError: where there is no such file, or it asks for more than an index of Python packages has.
        subprocess.CalledProcessError: where a package cannot be installed; the installer has said why on stderr.
    """
    file, script = ROOT / "envs" / f"{family}.yaml", ROOT / "envs" / f"{family}.post-deploy.sh"
    if not file.is_file():
        raise UserError(f"there is no environment {family!r}; write one of {', '.join(known())}")
    sources = [path for path in (file, script) if path.is_file()]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    prefix = BUILT / f"{family}-{digest}"
    with locked(prefix):
        if not (prefix / "complete").is_file():
            shutil.rmtree(prefix, ignore_errors=True)
            started = time.monotonic()
            create(file, prefix)
            if script.is_file():
                run_inside(prefix, ["sh", str(script)])
            (prefix / "complete").touch()
            LOG.info("built %s in %.0f s: %s", family, time.monotonic() - started, prefix)
    return prefix


def known() -> list[str]:
    """Names of the environments that envs/ holds."""
    return sorted(path.stem for path in (ROOT / "envs").glob("*.yaml"))


def create(file: Path, prefix: Path) -> None:
    """What `conda env create --file FILE --prefix PREFIX` does, for files of `python=VERSION`, `pip` and `pip:`.

    Raises:
        UserError: naming what only a conda channel has.
    """
    python, packages, refused = "3.11", [], []
    for dependency in yaml.safe_load(file.read_text())["dependencies"]:
        if isinstance(dependency, dict):
            packages += dependency["pip"]
        elif version := re.fullmatch(r"python=+([0-9.]+)", dependency):
            python = version[1]
        elif dependency != "pip":
            refused.append(dependency)
    if refused:
        raise UserError(f"{file.name}: only a conda channel has {', '.join(refused)}; build it with conda")
    prefix.parent.mkdir(parents=True, exist_ok=True)
    virtual_environment(prefix, python)
    if packages:
        install(prefix, packages)


def run_inside(prefix: Path, command: list[str], **variables: str) -> None:
    """Run a command with the environment's programs first; its outer virtual environment, if any, is out of sight."""
    subprocess.run(command, env=inside(prefix) | variables, check=True, cwd=ROOT)


def inside(prefix: Path) -> dict[str, str]:
    """The process environment in which `python` is the environment's and finds this repository's library."""
    outer = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONHOME"}}
    path = f"{prefix / 'bin'}{os.pathsep}{outer.get('PATH', os.defpath)}"
    return outer | {"PATH": path, "CONDA_PREFIX": str(prefix), "PYTHONPATH": str(ROOT), "PYTHONNOUSERSITE": "1"}


@contextmanager
def locked(prefix: Path) -> Iterator[None]:
    """Hold the lock beside a folder; it goes with the process that holds it, however that ends."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with prefix.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
