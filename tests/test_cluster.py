"""Jobs of a cluster are told apart by whose they are; a stand-in squeue answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nonverbal import cluster
from nonverbal.errors import UserError


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A folder first on PATH: squeue tells what the file `jobs` holds, scancel notes what it is given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {"squeue": f"cat {tmp_path}/jobs", "scancel": f'echo "$@" > {tmp_path}/ended'}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_jobs_whose_head_was_killed_stop_the_next_run_in_the_same_folder(programs):
    host = cluster.job_prefix().split("-", 1)[1].rsplit("-", 1)[0]
    dead, alive = f"nonverbal-{host}-{ended_process()}_x", f"{cluster.job_prefix()}_x"
    jobs = [(1, dead, programs), (2, alive, programs), (3, dead, "/elsewhere"), (4, "other_x", programs)]
    (programs / "jobs").write_text("".join(f"{number}|{name}|{folder}\n" for number, name, folder in jobs))
    with pytest.raises(UserError, match=r"SLURM jobs 1 of a run that was killed .* scancel 1$"):
        cluster.refuse_left_jobs(programs)
    cluster.refuse_left_jobs(programs / "bin")


def test_only_the_jobs_of_this_process_are_cancelled(programs):
    (programs / "jobs").write_text(f"1|{cluster.job_prefix()}_x|/a\n2|{cluster.job_prefix()}1_x|/a\n3|x|/a\n")
    cluster.cancel_left_jobs()
    assert (programs / "ended").read_text() == "1\n"


def test_without_slurm_nothing_is_left_and_nothing_is_cancelled(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster.refuse_left_jobs(tmp_path)
    cluster.cancel_left_jobs()
    assert cluster.status_command() == "squeue"


def test_names_are_what_the_plugin_accepts(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "login.node_1 with ünlikely-and-very-long-name.example.org")
    assert len(cluster.job_prefix()) <= 50
    assert cluster.job_prefix().replace("-", "").replace("_", "").isascii()
