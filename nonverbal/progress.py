"""Progress of long work: a bar on a terminal, a line now and then in a log file."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = logging.getLogger("nonverbal")
Item = TypeVar("Item")
LOG_EVERY_S = 30.0


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items; show a rich bar on a terminal, else log `label: done/total` at most every 30 seconds."""
    total = total if total is not None else (len(items) if isinstance(items, Sized) else None)
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from _logged(items, label, total)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=label)


def _logged(items: Iterable[Item], label: str, total: int | None) -> Iterator[Item]:
    last, done = time.monotonic(), 0
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last > LOG_EVERY_S:
            log.info("%s: %d/%s", label, done, total if total is not None else "?")
            last = time.monotonic()
    log.info("%s: %d done", label, done)


class Live:
    """How far a training is, with a text of its own: a bar on a terminal, else a line every 30 seconds."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        console = Console(stderr=True)
        self.bar: Progress | None = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                TimeRemainingColumn(), TextColumn("{task.fields[text]}"),
            )  # fmt: skip
            self.bar = Progress(*columns, console=console, transient=True)
            self.bar.add_task(label, total=total, text="")
            self.bar.start()
        self.every, self.last = 1.0 if self.bar else LOG_EVERY_S, time.monotonic()

    def show(self, done: int, text: Callable[[], str]) -> None:
        """So many are done; the text is made only when it is shown."""
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=done, text=text())
        else:
            log.info("%s: step %d/%d, %s", self.label, done, self.total, text())

    def close(self) -> None:
        """Take the bar away."""
        if self.bar:
            self.bar.stop()


class Heartbeat:
    """Log at most every 30 seconds how far the loop inside a library is; its methods are callbacks of libraries."""

    def __init__(self, label: str) -> None:
        self.label, self.last = label, time.monotonic()

    def percent(self, done: float) -> None:
        """So many percent are done (whisperx)."""
        self._log(f"{done:.0f} %")

    def step(
        self, name: str, artifact: object, completed: int | None = None, total: int | None = None, **_: object
    ) -> None:
        """A step is at so many of a total (pyannote.audio)."""
        self._log(f"{name} {completed}/{total}" if total else name)

    def _log(self, text: str) -> None:
        if time.monotonic() - self.last > LOG_EVERY_S:
            log.info("%s: %s", self.label, text)
            self.last = time.monotonic()
