"""A run at the paper's size without its media: every rule over shards, on Snakemake's local executor, in minutes.

Run from the repository's root: python benchmarks/scale.py [--videos 27128] [--shards 128] [--more 100] [--cores 1]
Snakefile, rules, jobs, filters, split, counts and funnel are the project's own. Rules that look at media are stood in
for (benchmarks/stand_ins.py), and a job's Python does not start: a warm server does the work, so that what is left of
a job's time is Snakemake's. Rules that read all shards at once start as ever, and their memory is measured.

Four runs: all; nothing to do; the channels listed again, with more videos; what follows from that. Prints, and writes
to FOLDER/figures.json, jobs, seconds and processor seconds of Snakemake's process, its peak memory, and the funnel.
"""

import argparse
import contextlib
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import stand_ins

import nonverbal.job
from nonverbal.dataset.funnel import as_text
from nonverbal.provenance.record import read_records
from nonverbal.schema import read_rows

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
PREAMBLE_END = "######## snakemake preamble end #########"
# What Snakemake starts instead of Python: it hands the script to the server and ends as that says.
CLIENT = """#!{python} -ISE
import _socket, sys
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
server.send(sys.argv[1].encode())
sys.exit(int(server.recv(8) or 1))
"""
# Snakemake's own process: says at its end what it used, its jobs' clients apart.
HEAD = """
import atexit, json, pathlib, resource, sys
def tell():
    own, clients = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    used = {"cpu_s": own.ru_utime + own.ru_stime, "clients_cpu_s": clients.ru_utime + clients.ru_stime}
    pathlib.Path("usage.json").write_text(json.dumps(used | {"peak_mb": own.ru_maxrss / 1024}))
atexit.register(tell)
sys.executable = sys.argv.pop(1)
from snakemake.cli import main
main(sys.argv[1:])
"""
# A process between, as Linux counts the memory of whoever starts a process as the process's own.
APART = ["/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable]


class Jobs:
    """Does jobs for Snakemake, and keeps count.

    Attributes:
        done: (rule, shard, seconds) of each; shard is "" for rules over all shards.
        warm: whether rules over all shards, too, are done here and not by a process each.
    """

    def __init__(self, warm: bool) -> None:
        self.warm = warm
        self.done: list[tuple[str, str, float]] = []

    def do(self, script: Path) -> int:
        """Exit status of a job."""
        started = time.perf_counter()
        text = script.read_text()
        names: dict[str, Any] = {"__file__": str(script), "__name__": "__main__"}
        path = list(sys.path)
        try:
            exec(text.partition(PREAMBLE_END)[0], names)
            job = names["snakemake"]
            status = self._job(job, script, text, names)
        except BaseException:
            traceback.print_exc()
            return 1
        finally:
            sys.path[:] = path
        self.done.append((job.rule, job.wildcards.get("shard", ""), time.perf_counter() - started))
        return status

    def _job(self, job: Any, script: Path, text: str, names: dict[str, Any]) -> int:
        if job.rule in stand_ins.STAND_INS:
            call(job, stand_ins.STAND_INS[job.rule])
        elif self.warm or "shard" in dict(job.wildcards.items()) or job.rule == "channels":
            exec(text, names)
        else:
            return subprocess.run([*APART, str(script)], env=ENVIRONMENT).returncode
        return 0


def call(job: Any, function: Callable[..., None]) -> None:
    """As nonverbal.job.run, without its log, seeds and run record."""
    function(**nonverbal.job.arguments(job, function))


def serve(jobs: Jobs, address: str) -> socketserver.UnixStreamServer:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            status = jobs.do(Path(self.request.recv(4096).decode()))
            self.request.send(str(status).encode())

    server = socketserver.UnixStreamServer(address, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run(jobs: Jobs, *arguments: str) -> dict[str, Any]:
    """Figures of one run of Snakemake."""
    before, started = len(jobs.done), time.perf_counter()
    with Path("head.log").open("a") as log:
        command = [*APART, "-c", HEAD, str(Path("client").resolve()), *arguments]
        head = subprocess.run(command, stdout=log, stderr=log, env=ENVIRONMENT)
    if head.returncode:
        sys.exit(Path("head.log").read_text()[-4000:])
    done = jobs.done[before:]
    return {
        "jobs": len(done), "shards": {rule: shards_of(rule, done) for rule, _, _ in done},
        "in_jobs_s": sum(seconds for *_, seconds in done),
        "wall_s": time.perf_counter() - started, **json.loads(Path("usage.json").read_text()),
    }  # fmt: skip


def shards_of(rule: str, done: list[tuple[str, str, float]]) -> list[str]:
    return sorted(shard for name, shard, _ in done if name == rule and shard)


def list_channels() -> None:
    rows = "".join(f"{channel_id},{url}\n" for channel_id, url in stand_ins.source_rows())
    Path("channels.csv").write_text("channel_id,url\n" + rows)


def simulate(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of all runs, by name; the working folder is the run's."""
    jobs = Jobs(args.warm)
    stand_ins.WORLD = stand_ins.World.of(args.videos)
    nonverbal.job.run = call
    list_channels()
    Path("resources").symlink_to(ROOT / "resources")
    with tempfile.TemporaryDirectory() as private:  # a socket's path must be short
        address = f"{private}/server"
        client = Path("client")
        client.write_text(CLIENT.format(python=sys.executable, address=address))
        client.chmod(0o700)
        with serve(jobs, address) as server:
            try:
                return runs(jobs, args)
            finally:
                server.shutdown()


def runs(jobs: Jobs, args: argparse.Namespace) -> dict[str, Any]:
    snakemake = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(ROOT / "config.yaml")]
    snakemake += ["--cores", str(args.cores), "--config", "sources=channels.csv", f"shards={args.shards}", "--"]
    targets = ["speech", "quality", "dataset"]
    targets += [f"results/paper/sentiment/{shard:05d}/sentiment.parquet" for shard in range(args.shards)]
    figures = {"all": run(jobs, *snakemake, *targets), "nothing": run(jobs, *snakemake, *targets)}
    stand_ins.WORLD = replace(stand_ins.WORLD, more=args.more)
    figures["listing"] = run(jobs, "--forcerun", "channels", *snakemake, "channels")
    return figures | {"more": run(jobs, *snakemake, *targets)}


def tell(name: str, figures: dict[str, Any]) -> None:
    """Print a run's figures; the processor's are of Snakemake's own process, start included, and of clients."""
    jobs = max(1, figures["jobs"])
    between = figures["wall_s"] - figures["in_jobs_s"]
    print(f"{name}: {figures['jobs']} jobs, {figures['wall_s']:.1f} s, between jobs {between:.1f} s", end="; ")
    print(f"processor {figures['cpu_s']:.1f} s, a job {figures['cpu_s'] / jobs:.3f} s", end=" and its client ")
    print(f"{figures['clients_cpu_s'] / jobs:.3f} s; {figures['peak_mb']:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=27_128, help="of the dataset; half as many are dropped beside")
    parser.add_argument("--shards", type=int, default=128)
    parser.add_argument("--more", type=int, default=100, help="videos of the dataset that come later")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--warm", action="store_true", help="start no job at all, and so measure no job's memory")
    parser.add_argument("--folder", type=Path, help="a new folder, kept (5 GB)")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        stack.enter_context(contextlib.chdir(folder))
        figures = simulate(args)
        Path("figures.json").write_text(json.dumps(figures, indent=1) + "\n")
        for name, run_figures in figures.items():
            tell(name, run_figures)
        for record in read_records(Path("results")):
            print(f"{record['rule']}: {record['cpu_s']:.0f} s of a processor, {record['peak_mb']:.0f} MB")
        print(as_text(read_rows(Path("results/dataset/funnel/funnel.parquet"), "funnel")))


if __name__ == "__main__":
    main()
