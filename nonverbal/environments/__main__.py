"""python -m nonverbal.environments [write | lock | build | check | conda] [NAME ...]: see docs/environments.md."""

import argparse
import logging
import subprocess
import sys

from nonverbal.environments.build import build, known
from nonverbal.environments.conda import stand_in
from nonverbal.environments.files import OVERRIDES, files, lock, own_pins
from nonverbal.environments.imports import faults
from nonverbal.errors import UserError


def main(arguments: list[str]) -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m nonverbal.environments", description="The rules' environments.")
    parser.add_argument("command", nargs="?", default="write", choices=("write", "lock", "build", "check", "conda"),
                        help="write: the files of envs/; lock: resolve the families with pins of their own; "
                        "build: make the environments, without conda; check: build, then import in each what its rules "
                        "import; conda: make a stand-in for it, and print the folder to put first on PATH")  # fmt: skip
    parser.add_argument("names", nargs="*", help="environments (all)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.command == "lock":
        for name in options.names or OVERRIDES:
            own_pins(name).write_text(lock(name))
    if options.command in {"lock", "write"}:
        for path, text in files().items():
            path.write_text(text)
            sys.stdout.write(f"{path}\n")
        return
    if options.command == "conda":
        sys.stdout.write(f"{stand_in()}\n")
        return
    prefixes = {name: build(name) for name in options.names or known()}
    sys.stdout.write("".join(f"{name}\t{prefix}\n" for name, prefix in prefixes.items()))
    if options.command == "check" and (found := faults(prefixes)):
        raise UserError("imports that fail:\n" + "\n".join(found))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} failed with exit code {error.returncode}; its message is above")
