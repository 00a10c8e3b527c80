"""One training in several processes, on this machine or on all nodes of a SLURM job, as torchrun starts them."""

import importlib
import logging
import os
import socket
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from nonverbal.errors import UserError

log = logging.getLogger("nonverbal")
Job = TypeVar("Job")
FORMAT = "%(asctime)s %(levelname)s %(message)s"


def launch(
    function: Callable[[Job], None], job: Job, work: Path, processes: int, nodes: int = 1, threads: int = 1
) -> None:
    """Call `function(job)` in this process, or in `processes` processes on each of `nodes` nodes.

    Several nodes are those of the SLURM job that this process runs in: srun starts this module once on each, and they
    meet at a port of this machine.

    Args:
        function: of a module; its only argument is annotated.
        job: a dataclass of paths, numbers and settings, which the processes of other nodes read as JSON.
        work: folder that all nodes see.
        processes: on each node, one a GPU.
        threads: of each process.

    Raises:
        UserError: there is no srun to start them on other nodes.
        Exception: one of the processes failed, and all were ended.
    """
    if processes * nodes == 1:
        function(job)
    elif nodes == 1:
        _start(function, job, processes, 1, "localhost:0")
    else:
        described = work / "job.json"
        described.write_bytes(TypeAdapter(type(job)).dump_json(job))
        name = f"{function.__module__}:{function.__name__}"
        meeting = f"{socket.gethostname()}:{_free_port()}"
        each = [sys.executable, "-m", "nonverbal.processes", name, str(described), str(processes), str(nodes), meeting]
        srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1",
                f"--cpus-per-task={processes * threads}", "--kill-on-bad-exit=1"]  # fmt: skip
        try:
            subprocess.run([*srun, *each], check=True)
        except FileNotFoundError as error:
            raise UserError(
                "training on several nodes is started by srun, which is not here: run it with --profile slurm, or "
                "write nodes: 1"
            ) from error


def _start(function: Callable[[Job], None], job: Job, processes: int, nodes: int, meeting: str) -> None:
    """Start this node's processes and wait for them."""
    config = LaunchConfig(
        min_nodes=nodes, max_nodes=nodes, nproc_per_node=processes, run_id=function.__name__, max_restarts=0,
        rdzv_backend="c10d", rdzv_endpoint=meeting, start_method="spawn",
    )  # fmt: skip
    files = [handler.baseFilename for handler in logging.getLogger().handlers if hasattr(handler, "baseFilename")]
    with _hidden_script():
        elastic_launch(config, _run)(function, job, files)


@contextmanager
def _hidden_script() -> Iterator[None]:
    """A started process first imports the script of the one that starts it: a script of Snakemake's would run again."""
    script = sys.modules["__main__"]
    path = script.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        if path is not None:
            script.__file__ = path


def _run(function: Callable[[Job], None], job: Job, files: list[str]) -> None:
    """What each process does; the first of all logs what the starting process would."""
    first = os.environ["RANK"] == "0"
    handlers: list[logging.Handler] = [logging.StreamHandler(), *(logging.FileHandler(file) for file in files)]
    logging.basicConfig(level=logging.INFO if first else logging.WARNING, format=FORMAT, handlers=handlers)
    function(job)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def main(name: str, described: str, processes: str, nodes: str, meeting: str) -> None:
    """One node's part of a launch; srun calls it."""
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    (kind,) = (hint for key, hint in typing.get_type_hints(function).items() if key != "return")
    logging.basicConfig(level=logging.INFO, format=FORMAT)
    job = TypeAdapter(kind).validate_json(Path(described).read_bytes())
    _start(function, job, int(processes), int(nodes), meeting)


if __name__ == "__main__":
    main(*sys.argv[1:])
