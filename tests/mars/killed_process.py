"""What the processes of a test's training do: one of them is killed at a step, the first time."""

import os
import signal
from pathlib import Path

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from nonverbal.mars.train_mars import Job, train_network
from nonverbal.mars.trainer import MarsTrainer

STEP = 11


def train_killed(job: Job) -> None:
    """Train; with FSDP also on a processor, where accelerate would fall back to whole copies."""
    if job.settings.fsdp:
        _allow_fsdp()
    step, marker = MarsTrainer.training_step, Path(job.work.parent, "killed")

    def training_step(self: MarsTrainer, *args: object, **kwargs: object) -> object:
        if self.state.global_step == STEP and self.args.process_index == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        found = step(self, *args, **kwargs)
        sharded = type(next(self.model.parameters())).__name__ == "DTensor"
        assert sharded == job.settings.fsdp
        return found

    MarsTrainer.training_step = training_step
    train_network(job)


def _allow_fsdp() -> None:
    begin = PartialState.__init__

    def init(self: PartialState, *args: object, **kwargs: object) -> None:
        begin(self, *args, **kwargs)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = init
