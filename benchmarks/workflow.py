"""What the workflow costs over its library's functions called one after the other in one process; and two workers.

Run from the repository's root after `make demo`: python benchmarks/workflow.py [RESULTS] [--stages speech speakers]

The stages' rules run again on a copy of the demonstration's results: with one worker, with two, and as the same
functions with the same arguments in one process, which pays imports and models once and writes no records. Processor
time (user and system, all processes) is what other work on the machine distorts least; the clock's is printed beside
it, and tells how well two workers do only where two cores are free. The load says whether they were. From the run
records of the whole demonstration comes what needs no free cores: how much of its processor time passed in starting
jobs, and how much faster two workers can be, by the jobs' processor times and what waits for what.
"""

import argparse
import heapq
import json
import os
import resource
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import nonverbal.job

ROOT = Path(__file__).resolve().parents[1]


class Cost(NamedTuple):
    """Seconds of the clock and of processors, and how many jobs."""

    wall: float
    cpu: float
    jobs: int


def bare(folder: Path) -> None:
    """Do what the jobs' scripts in a folder do, in the order in which they were written, in this process."""
    nonverbal.job.run = call
    for script in sorted((folder / ".snakemake" / "scripts").glob("*.py"), key=lambda path: path.stat().st_mtime):
        runpy.run_path(str(script))


def call(snakemake: Any, function: Any) -> None:
    """A job's function with a job's arguments, seed and empty places for its outputs, and nothing else."""
    for output in map(Path, snakemake.output):
        shutil.rmtree(output) if output.is_dir() else output.unlink()
    nonverbal.job.seed_everything(int(snakemake.params.get("seed", 0)))
    function(**nonverbal.job.arguments(snakemake, function))


def measure(command: list[str], folder: Path) -> Cost:
    """Run a command in a folder; its jobs are the scripts that lie there afterwards."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with (folder / "said.log").open("a") as said:
        code = subprocess.run(command, cwd=folder, env=environment, stdout=said, stderr=said, check=False).returncode
    if code:
        sys.exit((folder / "said.log").read_text()[-4000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - started, cpu, len(list((folder / ".snakemake" / "scripts").glob("*.py"))))


def workflow(config: dict, stages: list[str], cores: int) -> list[str]:
    """The command that runs all rules of the stages again, with the config that the results were made of."""
    rules = sorted(path.stem for stage in stages for path in (ROOT / "scripts" / stage).glob("*.py"))
    command = [sys.executable, "-m", "snakemake", *stages, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--cores", str(cores), "--configfile", *(str(ROOT / file) for file in config["files"])]
    if config["values"]:
        command += ["--config", *(f"{key}={json.dumps(value)}" for key, value in config["values"].items())]
    return [*command, "--rerun-triggers", "params", "--skip-script-cleanup", "--quiet", "all", "--forcerun", *rules]


def records_of(results: Path) -> list[dict]:
    """The run records, in the order in which the jobs began."""
    found = [json.loads(path.read_text()) for path in (results / "provenance" / "jobs").rglob("*.json")]
    return sorted(found, key=lambda record: record["started"])


def scheduled(records: list[dict], workers: int) -> float:
    """Seconds until the last of some jobs ends, if each takes its processor time and begins once a worker is free."""
    maker = {Path(output): i for i, record in enumerate(records) for output in record["outputs"]}
    needs = [
        {maker[path] for name in record["inputs"] for path in (Path(name), *Path(name).parents) if path in maker}
        for record in records
    ]
    waiting, running, done, now = list(range(len(records))), [], set(), 0.0
    while waiting or running:
        for job in [job for job in waiting if needs[job] <= done][: workers - len(running)]:
            waiting.remove(job)
            heapq.heappush(running, (now + records[job]["cpu_s"], job))
        now, job = heapq.heappop(running)
        done.add(job)
    return now


def report_records(records: list[dict]) -> None:
    """Print what the records of a finished run tell."""
    cpu, start = (sum(record[key] for record in records) for key in ("cpu_s", "startup_cpu_s"))
    faster = scheduled(records, 1) / scheduled(records, 2)
    print(
        f"{len(records)} jobs of the whole run: {cpu:.0f} s of processors, {start / (cpu - start):.1%} of the work in"
    )
    print(f"starting jobs; two workers would be {faster:.2f} x as fast as one")


def copied(results: Path, name: Path, folder: Path) -> None:
    """Lay results where the config says that they are, in a folder of their own."""
    shutil.copytree(results, folder / name, symlinks=True)
    for given in ("resources", "demo"):
        (folder / given).symlink_to(ROOT / given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/demo"))
    parser.add_argument("--stages", nargs="+", default=["speech", "speakers", "cues", "dataset"])
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        bare(args.bare)
        return
    results = args.results.resolve()
    records = records_of(results)
    report_records(records)
    costs, load = {}, os.getloadavg()[0]
    for cores in (2, 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            copied(results, Path(records[0]["results"]), folder)
            costs[f"workflow, {cores} worker{'s'[: cores - 1]}"] = measure(
                workflow(records[0]["config_start"], args.stages, cores), folder
            )
            if cores == 1:
                again = [sys.executable, str(Path(__file__).resolve()), "--bare", str(folder)]
                costs["functions, one process"] = measure(again, folder)
    print(f"stages {' '.join(args.stages)}; load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    print(f"{'':24}{'jobs':>6}{'wall s':>10}{'user+sys s':>12}")
    for name, cost in costs.items():
        print(f"{name:24}{cost.jobs:6}{cost.wall:10.1f}{cost.cpu:12.1f}")
    two, one, alone = costs.values()
    print(f"overhead of the workflow, one worker: {one.cpu / alone.cpu - 1:.1%} of processor time, "
          f"{one.wall / alone.wall - 1:.1%} of the clock's")  # fmt: skip
    print(f"two workers beside one: {one.wall / two.wall:.2f} x as fast, {two.cpu / one.cpu:.2f} x the processor time")


if __name__ == "__main__":
    main()
