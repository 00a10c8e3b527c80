"""What people answered: a file a person, lines of JSON that are only ever added to.

A line names its unit by the digest of what was shown, so that nothing of a video is in it. The last line about a unit
counts; `undone` takes the one before back.
"""

import json
import logging
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from nonverbal.errors import UserError

log = logging.getLogger("nonverbal")
VERDICTS = ("yes", "no", "unsure")
UNDONE = "undone"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


class Judgements:
    """The judgements in a folder.

    Args:
        folder: made with the first judgement.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, annotator: str, key: str, verdict: str) -> None:
        """Write one judgement, or UNDONE, to the disk before returning.

        Raises:
            UserError: the name is none that a file can have, or the verdict is unknown.
        """
        if verdict not in (*VERDICTS, UNDONE):
            raise UserError(f"{verdict!r} is no verdict; write one of {', '.join(VERDICTS)}")
        path = self._path(annotator)
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": key, "verdict": verdict, "at": datetime.now(UTC).isoformat(timespec="seconds")})
        with path.open("a+b") as file:
            # A line that a crash cut off is ended first, so that it spoils no other.
            torn = file.seek(0, os.SEEK_END) > 0 and _last_byte(file) != b"\n"
            file.write(b"\n" * torn + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def of(self, annotator: str) -> dict[str, str]:
        """Key -> verdict, the latest judged last."""
        return read(self._path(annotator))

    def _path(self, annotator: str) -> Path:
        if not NAME.fullmatch(annotator):
            raise UserError("a name has 1 to 40 letters, digits, dots, dashes or underscores")
        return self.folder / f"{annotator}.jsonl"


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def read(path: Path) -> dict[str, str]:
    """Key -> verdict of one person, the latest judged last; what is no judgement is left out, and the log says so."""
    found: dict[str, str] = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            said = json.loads(line)
            key, verdict = str(said["key"]), said["verdict"]
        except (ValueError, KeyError, TypeError):
            log.warning("%s holds a line that is no judgement: %r", path, line[:60])
            continue
        found.pop(key, None)
        if verdict in VERDICTS:
            found[key] = verdict
    return found


def read_all(paths: list[Path]) -> pd.DataFrame:
    """One row a person and unit: annotator, key, verdict."""
    rows = [(path.stem, key, verdict) for path in sorted(paths) for key, verdict in read(path).items()]
    return pd.DataFrame(rows, columns=["annotator", "key", "verdict"])
