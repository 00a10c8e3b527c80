"""How far training is and how well it goes: a bar or log lines while it runs, TensorBoard's files to look at.

tensorboardX writes the files that any TensorBoard reads, without bringing its server.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from tensorboardX import SummaryWriter

log = logging.getLogger("nonverbal")
BAR_EVERY_S, LOG_EVERY_S = 1.0, 30.0


class Dashboard:
    """Context manager; a process that is not the first of its run shows and writes nothing.

    Args:
        label: what the bar says.
        steps: of the whole run.
        events: folder of TensorBoard's files, or None for no such files and no bar.
        epoch: finished epochs; what an earlier run wrote of later ones does not count.
    """

    def __init__(self, label: str, steps: int, events: Path | None, epoch: int = 0) -> None:
        self.label, self.steps = label, steps
        self.writer = SummaryWriter(str(events), purge_step=epoch) if events else None
        console = Console(stderr=True)
        self.bar: Progress | None = None
        if events and console.is_terminal:
            columns = (
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                TimeRemainingColumn(), TextColumn("{task.fields[status]}"),
            )  # fmt: skip
            self.bar = Progress(*columns, console=console, transient=True)
            self.bar.add_task(label, total=steps, status="")
        self.every = BAR_EVERY_S if self.bar else LOG_EVERY_S
        self.shown = self.started = time.monotonic()
        self.frames = self.epoch_frames = 0

    def __enter__(self) -> "Dashboard":
        """Show the bar."""
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Take the bar away and finish the files."""
        if self.bar:
            self.bar.stop()
        if self.writer:
            self.writer.close()

    def step(self, frames: int, done: int, status: Callable[[], dict[str, float]]) -> None:
        """Count a step; ask for the status, which waits for the GPU, only when it is shown."""
        self.frames += frames
        self.epoch_frames += frames
        now = time.monotonic()
        if self.writer is None or now - self.shown < self.every:
            return
        text = describe(status(), self.frames / (now - self.shown))
        self.shown, self.frames = now, 0
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=done, status=text)
        else:
            log.info("%s: step %d/%d, %s", self.label, done, self.steps, text)

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """Write a finished epoch."""
        now = time.monotonic()
        if self.writer:
            values = row | {"frames_a_second": self.epoch_frames / max(now - self.started, 1e-9)}
            for name, value in values.items():
                self.writer.add_scalar(name, value, number)
        self.started, self.epoch_frames = now, 0


def describe(status: dict[str, float], speed: float) -> str:
    """Losses, codes in use and speed in a line."""
    parts = [f"{name} {value:.4g}" for name, value in status.items() if name != "codes"]
    return ", ".join([*parts, f"{status['codes']:.0f} codes", f"{speed:,.0f} frames/s"])
