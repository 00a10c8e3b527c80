"""The run record: one JSON file a job, written by the job itself (Snakemake's own metadata has no output hashes)."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from nonverbal.provenance.attempts import Attempts
from nonverbal.provenance.config_keys import leaves, read_keys
from nonverbal.provenance.hashes import Remembered, hash_path, write_atomically
from nonverbal.provenance.machine import cpu_s, git_state, gpu_name, imported_packages, machine, peak_mb

ROOT = Path(__file__).resolve().parents[2]
# They watch and make nothing, so a change in them makes no result stale.
WATCHERS = {
    f"nonverbal/provenance/{name}.py" for name in ("__init__", "attempts", "config_keys", "hashes", "machine", "record")
}
# How the run was started, set by rules/common.smk: {"files": config files in order, "values": of the command line}.
STARTED_WITH = "NONVERBAL_CONFIG"
# What records of the project's first release lack.
UNKNOWN: dict[str, Any] = {"config": {}, "config_start": {}, "models": {}, "machine": {}, "attempts": []}


class Record(TypedDict):
    """What made a job's outputs, from what, where and when. Paths are as the workflow names them."""

    rule: str
    wildcards: dict[str, str]
    function: str
    results: str  # the run's results folder
    inputs: dict[str, str]  # path -> SHA-256 when the job began
    outputs: dict[str, str]  # path -> SHA-256 when the job ended
    params: dict[str, Any]
    config: dict[str, Any]  # keys of the config that the params come from, leaves or sections -> value
    config_keys: list[str]  # their leaves; params.NAME for what is no config value
    config_start: dict[str, Any]  # files and values that the config was made of
    script: dict[str, str]  # path in the repository -> SHA-256, as for modules
    modules: dict[str, str]
    models: dict[str, dict[str, str]]  # name in the registry -> source, revision, sha256, licence, path
    packages: dict[str, str]  # distribution -> version
    python: str
    seed: int
    threads: int
    git: dict[str, Any]
    host: str
    machine: dict[str, Any]
    scheduler_job: str
    gpu: str
    gpus: int  # that the job asked for
    cpu_s: float  # processor time of the job and of the processes it started
    startup_cpu_s: float  # of it, what passed before the job began: imports
    peak_mb: float  # most memory that one of its processes held
    started: float  # seconds since 1970, as ended
    ended: float
    attempts: list[dict[str, Any]]  # that were stopped and whose finished units this one took over


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
        self.git = git_state(ROOT)
        self.path = record_path(snakemake.config, snakemake.rule, self.wildcards)
        self.attempts = Attempts(
            self.path,
            snakemake.output,
            {
                "started": self.started, "host": platform.node(), "scheduler_job": os.environ.get("SLURM_JOB_ID", ""),
                "commit": self.git["commit"], "code": self.script | self.modules,
            },
        )  # fmt: skip

    def __enter__(self) -> "Recorder":
        """The inputs and the code are hashed already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Write the record, unless the job failed."""
        if kind is None:
            write_atomically(self.path, json.dumps(self.record(), indent=1, sort_keys=True, default=str) + "\n")
        else:
            self.attempts.failed(error)

    def record(self) -> Record:
        """The record of the job as it ends."""
        smk = self.snakemake
        params = dict(smk.params.items())
        files = [*map(str, smk.input), *map(str, smk.output)]
        config, unknown = read_keys(params, smk.config, smk.rule, self.wildcards, files)
        return {
            "rule": smk.rule,
            "wildcards": self.wildcards,
            "function": f"{self.function.__module__}.{self.function.__qualname__}",
            "results": str(smk.config["results"]),
            "inputs": self.inputs,
            "outputs": self.hashes.hash_all(smk.output),
            "params": params,
            "config": config,
            "config_keys": sorted([*leaves(config), *unknown]),
            "config_start": json.loads(os.environ.get(STARTED_WITH, "{}")),
            "script": self.script,
            "modules": library_modules() | self.modules,
            "models": self._models(),
            "packages": imported_packages(),
            "python": platform.python_version(),
            "seed": self.seed,
            "threads": smk.threads,
            "git": self.git,
            "host": platform.node(),
            "machine": machine(),
            "scheduler_job": os.environ.get("SLURM_JOB_ID", ""),
            "gpu": gpu_name(),
            "gpus": int(smk.resources.get("gpu", 0)),
            "cpu_s": cpu_s(),
            "startup_cpu_s": self.startup_cpu_s,
            "peak_mb": peak_mb(),
            "started": self.started,
            "ended": time.time(),
            "attempts": self.attempts.done(),
        }

    def _models(self) -> dict[str, dict[str, str]]:
        """The models that the job asked the registry for."""
        if (models := sys.modules.get("nonverbal.models")) is None:
            return {}
        hashes = self.hashes.hash_all(str(path) for path in models.used.values())
        return {
            name: models.describe(name) | {"sha256": hashes[str(path)], "path": models.place(name, path)}
            for name, path in sorted(models.used.items())
        }


def record_path(config: dict[str, Any], rule: str, wildcards: dict[str, str]) -> Path:
    """Where the record of a job lies."""
    name = "-".join(f"{key}={value}" for key, value in sorted(wildcards.items())) or "all"
    return Path(config["results"]) / "provenance" / "jobs" / rule / f"{name}.json"


def read_records(results: Path) -> list[Record]:
    """All run records under a results folder, oldest first."""
    paths = sorted((results / "provenance" / "jobs").glob("*/*.json"))
    records = [UNKNOWN | json.loads(path.read_text()) for path in paths]
    return sorted(records, key=lambda record: record["ended"])


def library_modules() -> dict[str, str]:
    """Hash of each library module this process has really imported, by path in the repository."""
    files = {
        Path(file).resolve()
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "nonverbal" and (file := getattr(module, "__file__", None))
    }
    names = {str(path.relative_to(ROOT)) for path in files} - WATCHERS
    return {name: hash_path(ROOT / name) for name in sorted(names)}
