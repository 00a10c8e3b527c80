"""Attempts at one job: those that were stopped and whose finished units a later one took over."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nonverbal.provenance.hashes import write_atomically


class Attempts:
    """A note beside a job's record, with a line an attempt; it goes when the record is written.

    Args:
        record: where the record will lie.
        outputs: of the job; a work folder beside the first of them says that an earlier attempt is taken up.
        this: the attempt that begins: when, where, and the hashes of its code.
    """

    def __init__(self, record: Path, outputs: Iterable[str], this: dict[str, Any]) -> None:
        self.note = record.with_name(f".{record.stem}.attempts")
        resumed = any(_unfinished(Path(output)) for output in outputs)
        self.earlier: list[dict[str, Any]] = _read(self.note) if resumed else []
        self.this = this
        self._write([*self.earlier, this])

    def failed(self, error: BaseException | None) -> None:
        """Note that this attempt ended, and how; a killed one can't."""
        self._write([*self.earlier, self.this | {"ended": time.time(), "error": type(error).__name__}])

    def done(self) -> list[dict[str, Any]]:
        """The attempts that this one took over, each with the code that has changed since; the note is removed."""
        self.note.unlink(missing_ok=True)
        return [
            {name: value for name, value in earlier.items() if name != "code"}
            | {"changed_code": _differences(earlier["code"], self.this["code"])}
            for earlier in self.earlier
        ]

    def _write(self, attempts: list[dict[str, Any]]) -> None:
        write_atomically(self.note, "".join(json.dumps(attempt) + "\n" for attempt in attempts))


def _unfinished(output: Path) -> bool:
    return any(output.parent.glob(f".{output.stem}.work-*"))


def _read(note: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in note.read_text().splitlines()] if note.exists() else []


def _differences(then: dict[str, str], now: dict[str, str]) -> list[str]:
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
