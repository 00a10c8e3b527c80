import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from nonverbal.errors import UserError
from nonverbal.processes import launch

SRUN = """#!{python}
import subprocess, sys
flags = [one for one in sys.argv[1:] if one.startswith("--") and "=" in one]
count = int(next(one for one in flags if one.startswith("--ntasks=")).split("=")[1])
open({record!r}, "w").write(" ".join(flags))
each = [subprocess.Popen(sys.argv[1 + len(flags):]) for _ in range(count)]
sys.exit(max(one.wait() for one in each))
"""


@dataclass(frozen=True)
class Job:
    folder: Path
    number: int


def told(job: Job) -> None:
    """Each process writes who it is."""
    who = {name: int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "GROUP_RANK")}
    (job.folder / f"{who['RANK']}.json").write_text(json.dumps(who | {"number": job.number}))


def test_one_process_is_this_one(tmp_path, monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "GROUP_RANK"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    launch(told, Job(tmp_path, 7), tmp_path, processes=1, nodes=1, threads=1)
    assert json.loads((tmp_path / "0.json").read_text())["number"] == 7


def test_the_processes_of_several_nodes_meet(tmp_path, monkeypatch):
    """An srun that starts both nodes' parts here: one world of two, each the first of its node."""
    (tmp_path / "bin").mkdir()
    srun = tmp_path / "bin" / "srun"
    srun.write_text(SRUN.format(python=sys.executable, record=str(tmp_path / "flags")))
    srun.chmod(0o755)
    here = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PATH", f"{srun.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", here)
    monkeypatch.setattr("socket.gethostname", lambda: "localhost")
    launch(told, Job(tmp_path, 7), tmp_path, processes=1, nodes=2, threads=3)
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert [one["WORLD_SIZE"] for one in found] == [2, 2] and {one["GROUP_RANK"] for one in found} == {0, 1}
    assert [(one["RANK"], one["LOCAL_RANK"], one["number"]) for one in found] == [(0, 0, 7), (1, 0, 7)]
    flags = (tmp_path / "flags").read_text().split()
    assert {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=3"} <= set(flags)


def test_several_nodes_without_slurm_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"started by srun, which is not here.*nodes: 1"):
        launch(told, Job(tmp_path, 7), tmp_path, processes=1, nodes=2, threads=1)
