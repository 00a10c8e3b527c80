"""Which runs are at work in some results: Snakemake locks the folder it runs in, not the results."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from nonverbal.errors import UserError


def enter(results: Path) -> tuple[int, bool]:
    """Say that a run is at work in some results, until its process ends.

    Args:
        results: folder of the run; made where it is not there.

    Returns:
        The open lock file, and whether no other run is at work; True where the file system knows no locks.

    Raises:
        UserError: the results can't be written to.
    """
    path = results / "provenance" / ".runs"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        place = os.open(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise UserError(f"config key results: {results} can't be written to ({error}); name another folder") from error
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(place, fcntl.LOCK_SH)
        return place, False
    except OSError:  # a file system without locks
        pass
    return place, True


def share(place: int) -> None:
    """Let other runs begin beside this one.

    Args:
        place: the lock file, as `enter` opened it.
    """
    with suppress(OSError):
        fcntl.flock(place, fcntl.LOCK_SH)
