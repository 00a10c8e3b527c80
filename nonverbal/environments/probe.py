"""Import the modules that standard input names as a JSON list; print which fail and why (runs in any environment)."""

import importlib
import json
import os
import sys


def probe(modules: list[str]) -> dict[str, str]:
    """Module -> the error that importing it raised."""
    failed = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # a broken package may raise anything
            failed[module] = f"{type(error).__name__}: {error}".splitlines()[0]
    return failed


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(probe(json.load(sys.stdin))) + "\n")
    sys.stdout.flush()
    os._exit(0)  # some packages crash when the interpreter takes them down
