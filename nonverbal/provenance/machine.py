"""Where a job ran and what it cost: code state, packages, host, GPU, time and memory."""

import importlib.metadata
import os
import platform
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

CODE = ("nonverbal/", "rules/", "scripts/", "resources/", "Snakefile")


def imported_packages() -> dict[str, str]:
    """Versions of the distributions this process has really imported."""
    tops = {name.split(".")[0] for name in list(sys.modules)}
    found = (one.metadata for one in importlib.metadata.distributions() if not tops.isdisjoint(_top_names(one)))
    return dict(sorted((metadata["Name"], metadata["Version"]) for metadata in found))


def _top_names(distribution: importlib.metadata.Distribution) -> set[str]:
    # importlib's own reading of all lists of files and of all descriptions takes each job a fifth of a second
    declared = distribution.read_text("top_level.txt")
    if declared:
        return set(declared.split())
    return {re.split("[/.,]", line, maxsplit=1)[0] for line in (distribution.read_text("RECORD") or "").splitlines()}


def git_state(root: Path) -> dict[str, Any]:
    """Commit and dirtiness of the code, new files of its own included; empty where it is not a git checkout."""
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        lines = _git(root, "status", "--porcelain").splitlines()
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "", "dirty": None}
    return {"commit": commit, "dirty": any(line[:2] != "??" or line[3:].startswith(CODE) for line in lines)}


def _git(root: Path, *args: str) -> str:
    command = ["git", "-C", str(root), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def machine() -> dict[str, Any]:
    """Host, operating system, processor and cores."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def gpu_name() -> str:
    """Name of the GPU torch uses, "" without one or where torch was not imported."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else ""


def cpu_s() -> float:
    """Processor time of this process and of those it started that have ended, in seconds."""
    return sum(process.ru_utime + process.ru_stime for process in _processes())


def peak_mb() -> float:
    """Most memory that this process, or one that it started and that has ended, ever held."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return max(process.ru_maxrss for process in _processes()) * unit / 1e6


def _processes() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
