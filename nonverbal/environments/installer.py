"""uv as the installer, with the package sources that the user's pip is configured with.

uv reads none of pip's configuration; without it a machine's CPU build of torch, or a private index, would not be found.
"""

import os
import subprocess
import sys
from pathlib import Path

# A pip option -> the uv setting that means the same, and what uv puts between several values.
SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "cert": ("SSL_CERT_FILE", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
}


def installer() -> tuple[list[str], dict[str, str]]:
    """The command `uv pip` and its process environment; a UV_ variable that is set already is left alone."""
    from uv import find_uv_bin  # only those who build environments need it

    translated = {}
    for option, value in pip_configuration().items():
        if option in SETTINGS:
            name, separator = SETTINGS[option]
            translated[name] = separator.join(value.split())
    # pip takes the best version that any of its sources has; uv by default the first source that knows the name.
    translated |= {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON_DOWNLOADS": "never"}
    return [find_uv_bin(), "pip"], {**translated, **os.environ}


def pip_configuration() -> dict[str, str]:
    """Option -> value as pip itself finds them in its files and PIP_ variables, the variables last."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, text=True, capture_output=True
    ).stdout
    pairs = [line.partition("=") for line in listed.splitlines()]
    by_section = {key: value.strip("'\"").replace("\\n", " ") for key, _, value in pairs}
    sections = ("global.", "install.", ":env:.")
    return {key.removeprefix(s): value for s in sections for key, value in by_section.items() if key.startswith(s)}


def virtual_environment(prefix: Path, python: str) -> None:
    """An empty environment with pip in it, as conda would make from `python=3.11` and `pip`."""
    command, environment = installer()
    subprocess.run([command[0], "venv", "--quiet", "--seed", "--python", python, prefix], env=environment, check=True)


def install(prefix: Path, requirements: list[str]) -> None:
    """Install requirements into an environment; a failure raises with the resolver's own words on stderr."""
    command, environment = installer()
    python = prefix / "bin" / "python"
    subprocess.run([*command, "install", "--quiet", "--python", python, *requirements], env=environment, check=True)
