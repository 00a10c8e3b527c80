"""A stand-in for `conda`, for `snakemake --sdm conda` where no channel is reached: it builds as `build` does.

`python -m nonverbal.environments conda` makes a folder with the programs `conda` and `activate`; put it first on PATH.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from nonverbal.environments.build import BUILT, create
from nonverbal.environments.files import ROOT
from nonverbal.errors import UserError

# It calls this module with the Python that wrote it, which has uv.
CONDA = '#!/bin/sh\nPYTHONPATH={root} exec {python} -m nonverbal.environments.conda "$@"\n'
# Sourced: activate PREFIX.
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def stand_in(folder: Path = BUILT / "conda") -> Path:
    """Write the two programs; their folder."""
    programs = folder / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "activate").write_text(ACTIVATE)
    (programs / "conda").write_text(CONDA.format(root=shlex.quote(str(ROOT)), python=shlex.quote(sys.executable)))
    (programs / "conda").chmod(0o755)
    return programs


def answer(arguments: list[str]) -> str:
    """What conda would print for one of the calls that Snakemake makes, done here without a channel.

    Raises:
        UserError: where it is called for anything else.
        subprocess.CalledProcessError: where a package cannot be installed.
    """
    match arguments:
        case ["--version"]:
            return "conda 99.0.0"  # Snakemake asks for a recent one
        case ["info", "--json"]:
            return json.dumps({"conda_prefix": str(BUILT / "conda"), "platform": "linux-64"})
        case ["config", "--get", "channel_priority", "--json"]:
            return json.dumps({"get": {"channel_priority": "strict"}})
        case ["clean", *_]:
            return ""
        case ["env", "create", "--quiet", "--no-default-packages", "--file", file, "--prefix", prefix]:
            create(Path(file), Path(prefix))
            return ""
    raise UserError(f"this conda only stands in for what Snakemake needs; it does not know: {shlex.join(arguments)}")


if __name__ == "__main__":
    try:
        sys.stdout.write(answer(sys.argv[1:]) + "\n")
    except (UserError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
