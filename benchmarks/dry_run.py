"""What planning costs: a dry run at the paper's 27,128 videos and at a million, beside one job a video and rule.

Run from the repository's root: python benchmarks/dry_run.py [--shards 128] [--videos 27128 1000000] [--baseline 1000]
Prints seconds, processor seconds, peak memory and jobs of each, and the ratio a video. Nothing is downloaded or run.
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


def dry_run(videos: int, shards: int) -> tuple[float, float, float, int]:
    """Seconds, processor seconds, peak MB and jobs of a dry run with a list of so many videos in so many shards."""
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
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, jobs


def row(videos: int, shards: int) -> float:
    """Print the figures; processor seconds a video."""
    seconds, used, memory, jobs = dry_run(videos, shards)
    print(f"{videos:9}{shards:8}{jobs:8}{seconds:8.1f}{used:8.1f}{memory:8.0f}{1e3 * used / videos:12.2f}", flush=True)
    return used / videos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[27_128, 1_000_000])
    parser.add_argument("--shards", type=int, nargs="+", default=[128, 424], help="as config.yaml; 64 videos a shard")
    parser.add_argument("--baseline", type=int, default=1_000, help="videos of the one-job-a-video baseline; 0: none")
    args = parser.parse_args()
    print(f"{'videos':>9}{'shards':>8}{'jobs':>8}{'s':>8}{'cpu s':>8}{'MB':>8}{'ms a video':>12}")
    costs = {(videos, shards): row(videos, shards) for videos in args.videos for shards in args.shards}
    if args.baseline:
        ratio = row(args.baseline, args.baseline) / costs[args.videos[0], args.shards[0]]
        print(f"a video costs {ratio:.0f} times less to plan in {args.shards[0]} shards than as a job of each rule")


if __name__ == "__main__":
    main()
