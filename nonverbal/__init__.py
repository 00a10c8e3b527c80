"""From two-person videos to a language model over words, faces and bodies (library; free of Snakemake)."""

import os
import sys
from pathlib import Path


def other_environments(paths: list[str], own: set[str], asked_for: list[str]) -> list[str]:
    """Those of some search paths that are packages of another virtual or conda environment than our own, unasked.

    Args:
        paths: as in `sys.path`.
        own: the folders of this environment and of the one that it is made from.
        asked_for: the paths in PYTHONPATH.
    """
    found = []
    for path in paths:
        folder = Path(path)
        if folder.name == "site-packages" and path not in asked_for:
            prefix = folder.resolve().parents[2]
            is_environment = (prefix / "pyvenv.cfg").is_file() or (prefix / "conda-meta").is_dir()
            found += [path] if is_environment and str(prefix) not in own else []
    return found


# A workflow engine lends a job the packages of its own environment, after those of the rule's: then nobody notices what
# the rule's lacks, and packages look for optional parts there, in other versions.
_OWN = {str(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix)}
_LENT = other_environments(sys.path, _OWN, os.environ.get("PYTHONPATH", "").split(os.pathsep))
sys.path[:] = [path for path in sys.path if path not in _LENT]
