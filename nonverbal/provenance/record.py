"""The run record: one JSON file a job, written by the job itself (Snakemake's own metadata has no output hashes)."""

import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from nonverbal.provenance.hashes import Remembered, hash_path, write_atomically

ROOT = Path(__file__).resolve().parents[2]
# They watch and make nothing, so a change in them makes no result stale.
WATCHERS = {f"nonverbal/provenance/{name}.py" for name in ("__init__", "hashes", "record")}


class Record(TypedDict):
    """What made a job's outputs, from what, where and when. Paths are as the workflow names them."""

    rule: str
    wildcards: dict[str, str]
    function: str
    results: str  # the run's results folder
    inputs: dict[str, str]  # path -> SHA-256 when the job began
    outputs: dict[str, str]  # path -> SHA-256 when the job ended
    params: dict[str, Any]
    config_keys: list[str]  # keys of the config that the params come from
    script: dict[str, str]  # path in the repository -> SHA-256, as for modules
    modules: dict[str, str]
    packages: dict[str, str]  # distribution -> version
    python: str
    seed: int
    threads: int
    git: dict[str, Any]
    host: str
    scheduler_job: str
    gpu: str
    gpus: int  # that the job asked for
    cpu_s: float  # processor time of the job and of the processes it started
    startup_cpu_s: float  # of it, what passed before the job began: imports
    peak_mb: float  # most memory that one of its processes held
    started: float  # seconds since 1970, as ended
    ended: float


class Recorder:
    """Context manager that writes `provenance/jobs/RULE/WILDCARDS.json` when the job succeeds.

    Inputs and code are hashed before the job runs: what changes under a running job is not what it ran with.

    Args:
        snakemake: the object Snakemake injects into a script.
        function: the library function the job runs.
        seed: the seed the job was given.
    """

    def __init__(self, snakemake: Any, function: Callable[..., None], seed: int) -> None:  # noqa: ANN401
        self.snakemake, self.function, self.seed = snakemake, function, seed
        self.wildcards = {key: str(value) for key, value in snakemake.wildcards.items()}
        self.hashes = Remembered(Path(snakemake.config["results"]) / "provenance" / "hashes")
        self.started, self.startup_cpu_s = time.time(), cpu_s()
        script = Path(snakemake.scriptdir) / f"{snakemake.rule}.py"
        self.script = {str(script.resolve().relative_to(ROOT)): hash_path(script)}
        self.modules = library_modules()
        self.inputs = self.hashes.hash_all(snakemake.input)

    def __enter__(self) -> "Recorder":
        """The inputs and the code are hashed already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Write the record, unless the job failed."""
        if kind is None:
            path = record_path(self.snakemake.config, self.snakemake.rule, self.wildcards)
            write_atomically(path, json.dumps(self.record(), indent=1, sort_keys=True, default=str) + "\n")

    def record(self) -> Record:
        """The record of the job as it ends."""
        smk = self.snakemake
        params = dict(smk.params.items())
        return {
            "rule": smk.rule,
            "wildcards": self.wildcards,
            "function": f"{self.function.__module__}.{self.function.__qualname__}",
            "results": str(smk.config["results"]),
            "inputs": self.inputs,
            "outputs": self.hashes.hash_all(smk.output),
            "params": params,
            "config_keys": config_keys(params, smk.config, smk.rule),
            "script": self.script,
            "modules": library_modules() | self.modules,
            "packages": imported_packages(),
            "python": platform.python_version(),
            "seed": self.seed,
            "threads": smk.threads,
            "git": git_state(),
            "host": platform.node(),
            "scheduler_job": os.environ.get("SLURM_JOB_ID", ""),
            "gpu": gpu_name(),
            "gpus": int(smk.resources.get("gpu", 0)),
            "cpu_s": cpu_s(),
            "startup_cpu_s": self.startup_cpu_s,
            "peak_mb": peak_mb(),
            "started": self.started,
            "ended": time.time(),
        }


def record_path(config: dict[str, Any], rule: str, wildcards: dict[str, str]) -> Path:
    """Where the record of a job lies."""
    name = "-".join(f"{key}={value}" for key, value in sorted(wildcards.items())) or "all"
    return Path(config["results"]) / "provenance" / "jobs" / rule / f"{name}.json"


def read_records(results: Path) -> list[Record]:
    """All run records under a results folder, oldest first."""
    paths = sorted((results / "provenance" / "jobs").glob("*/*.json"))
    return sorted((json.loads(path.read_text()) for path in paths), key=lambda record: record["ended"])


def config_keys(params: dict[str, Any], config: dict[str, Any], rule: str) -> list[str]:
    """The config's leaves that the params hold, as `stage.section.key`; `params.NAME` for what is no config value.

    A param is a section of the config or one leaf of the param's own name; of equal sections, the rule's is taken.
    """
    sections = dict(_sections(json.loads(json.dumps(config, default=str))))
    keys: set[str] = set()
    for name, value in params.items():
        found = [
            key for key, section in sections.items()
            if section == value and (isinstance(value, dict) or key.split(".")[-1] == name)
        ]  # fmt: skip
        if found:
            best = min(found, key=lambda key: (key.split(".")[-1] != rule, key.count("."), key))
            keys |= {leaf for leaf, _ in _leaves(best, sections[best])}
        else:
            keys.add(f"params.{name}")
    return sorted(keys)


def _sections(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        yield prefix + key, below
        if isinstance(below, dict):
            yield from _sections(below, f"{prefix}{key}.")


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(f"{key}.{name}", below)
    else:
        yield key, value


def library_modules() -> dict[str, str]:
    """Hash of each library module this process has really imported, by path in the repository."""
    files = {
        Path(file).resolve()
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "nonverbal" and (file := getattr(module, "__file__", None))
    }
    names = {str(path.relative_to(ROOT)) for path in files} - WATCHERS
    return {name: hash_path(ROOT / name) for name in sorted(names)}


def imported_packages() -> dict[str, str]:
    """Versions of the distributions this process has really imported."""
    tops = {name.split(".")[0] for name in list(sys.modules)}
    owners = importlib.metadata.packages_distributions()
    names = {dist for top in tops for dist in owners.get(top, [])}
    return {name: importlib.metadata.version(name) for name in sorted(names)}


def git_state() -> dict[str, Any]:
    """Commit and dirtiness of the code; empty where it is not a git checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "", "dirty": None}


def _git(*args: str) -> str:
    command = ["git", "-C", str(ROOT), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def cpu_s() -> float:
    """Processor time of this process and of those it started that have ended, in seconds."""
    return sum(process.ru_utime + process.ru_stime for process in _processes())


def peak_mb() -> float:
    """Most memory that this process, or one that it started and that has ended, ever held."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return max(process.ru_maxrss for process in _processes()) * unit / 1e6


def _processes() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


def gpu_name() -> str:
    """Name of the GPU torch uses, "" without one or where torch was not imported."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else ""
