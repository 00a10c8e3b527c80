"""What planning costs: a dry run at the paper's 27,128 videos, beside a graph with one job a video and rule.

Run from the repository's root: python benchmarks/dry_run.py [--videos 27128] [--a-shard 64] [--baseline 1000]
Prints seconds, peak memory and jobs of both, and the ratio a video. Nothing is downloaded or run.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def dry_run(videos: int, shards: int) -> tuple[float, float, int]:
    """Seconds, peak MB and jobs of `snakemake --dry-run` with a list of so many videos in so many shards."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "videos.csv"
        rows = "".join(f"channel{i // 300},https://example.org/watch/{i}\n" for i in range(videos))
        listing.write_text("channel_id,url\n" + rows)
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--cores", "2", "--config"]
        command += [f"sources={listing}", f"results={folder}/results", f"shards={shards}", "mars={base: {name: tiny}}"]
        command += ["--rerun-triggers", "mtime"]
        started = time.perf_counter()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            output.seek(0)
            text = output.read()
    if status != 0:
        sys.exit(text)
    jobs = int(re.search(r"^total\s+(\d+)$", text, re.MULTILINE).group(1))
    return seconds, usage.ru_maxrss / 1024, jobs


def row(name: str, videos: int, jobs: int, seconds: float, memory: float) -> None:
    print(f"{name:28}{videos:8}{jobs:8}{seconds:8.1f}{memory:8.0f}{1e3 * seconds / videos:12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=27_128)
    parser.add_argument("--a-shard", type=int, default=64, help="videos a shard")
    parser.add_argument("--baseline", type=int, default=1_000, help="videos of the one-job-a-video baseline")
    args = parser.parse_args()
    seconds, memory, jobs = dry_run(args.videos, -(-args.videos // args.a_shard))
    base_seconds, base_memory, base_jobs = dry_run(args.baseline, args.baseline)
    print(f"{'':28}{'videos':>8}{'jobs':>8}{'s':>8}{'MB':>8}{'ms a video':>12}")
    row("one video a shard (baseline)", args.baseline, base_jobs, base_seconds, base_memory)
    row(f"{args.a_shard} videos a shard", args.videos, jobs, seconds, memory)
    print(f"a video costs {base_seconds / args.baseline / (seconds / args.videos):.0f} times less to plan in shards")


if __name__ == "__main__":
    main()
