"""SLURM jobs of a run: named after the process that steers them, so that none outlives it unnoticed."""

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

from nonverbal.errors import UserError

_PREFIX = "nonverbal"
_ASK_S = 60  # patience with SLURM's programs


class ClusterJob(NamedTuple):
    """A job that waits or runs: its id, its name, and the folder it was sent from."""

    number: str
    name: str
    folder: str


def job_prefix() -> str:
    """How the names of this process's jobs begin: nonverbal-HOST-PROCESS."""
    return f"{_PREFIX}-{_host()}-{os.getpid()}"


def refuse_left_jobs(folder: Path) -> None:
    """Stop where jobs of a run that was killed still write to this folder: two jobs on one file would spoil it.

    Raises:
        UserError: naming the jobs, and how to wait for them or end them.
    """
    left = [job.number for job in _jobs() if Path(job.folder) == folder.resolve() and _is_headless(job.name)]
    if left:
        raise UserError(
            f"SLURM jobs {' '.join(left)} of a run that was killed still work in this folder: wait until squeue shows "
            f"them no more, or write: scancel {' '.join(left)}"
        )


def cancel_left_jobs() -> None:
    """End every job that this process has sent and that still waits or runs."""
    if left := [job.number for job in _jobs() if job.name.startswith(f"{job_prefix()}_")]:
        subprocess.run(["scancel", *left], check=False, timeout=_ASK_S)  # noqa: S607 - SLURM's place is the cluster's


def status_command() -> str:
    """Which program tells how jobs ended: sacct, or squeue where SLURM keeps no accounts."""
    answer = _answer("sacct", "--noheader", "--allocations", "--format=jobid", "--starttime=now-1minutes")
    return "squeue" if answer is None else "sacct"


def _jobs() -> list[ClusterJob]:
    answer = _answer("squeue", "--me", "--noheader", "--format=%A|%j|%Z") or ""
    return [ClusterJob(*line.split("|", 2)) for line in answer.splitlines() if line.count("|") >= 2]


def _is_headless(name: str) -> bool:
    """Whether a job's name is one of ours and the process it names, on this machine, is gone."""
    match = re.match(rf"{_PREFIX}-(.+)-(\d+)_", name)
    return match is not None and match[1] == _host() and not Path(f"/proc/{match[2]}").exists()


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "-", socket.gethostname().split(".")[0])[:24]


def _answer(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ASK_S).stdout
    except (OSError, subprocess.SubprocessError):
        return None
