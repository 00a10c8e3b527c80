"""Processes that share a job are started from a script that does all at import, as Snakemake's do."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = """
import os
from dataclasses import dataclass
from pathlib import Path

@dataclass(frozen=True)
class Job:
    folder: Path

def shared(job: Job) -> None:
    (job.folder / os.environ["RANK"]).write_text(os.environ["WORLD_SIZE"])
"""
SCRIPT = """
import sys
from pathlib import Path
from nonverbal.processes import launch
from shared_job import Job, shared

folder = Path(sys.argv[1])
with (folder / "runs").open("a") as runs:
    runs.write("once\\n")
launch(shared, Job(folder), folder, processes=2)
assert Path(__file__).name == "script.py"
"""


def test_a_script_is_run_once_whatever_the_processes(tmp_path):
    (tmp_path / "shared_job.py").write_text(LIBRARY)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    assert (tmp_path / "runs").read_text() == "once\n"
    assert {name: (tmp_path / name).read_text() for name in ("0", "1")} == {"0": "2", "1": "2"}
