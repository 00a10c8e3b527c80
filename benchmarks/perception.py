"""How fast the visual steps see: frames a second of a finished run's tracks, active_speaker, face and body.

Run from the repository's root: python benchmarks/perception.py [results/demo] [--cores 2]
Time is the jobs' own, process starts included, as Snakemake's benchmark files hold it: one thread a job, as many jobs
at once as cores. The baseline is decoding the same clips, timed now on this machine.
"""

import argparse
import time
from pathlib import Path

import pandas as pd

from nonverbal.media import decode_frames
from nonverbal.schema import read_table

STEPS = {"tracks": "speakers", "active_speaker": "speakers", "face": "cues", "body": "cues"}


def job_seconds(results: Path, stage: str, step: str) -> float:
    """Seconds that all shards' jobs of a step took."""
    files = sorted((results / "benchmarks" / stage / step).glob("*.tsv"))
    return sum(float(pd.read_csv(file, sep="\t")["s"].iloc[0]) for file in files)


def decode_seconds(results: Path, clips: set[str]) -> float:
    """Seconds that decoding the clips takes."""
    started = time.perf_counter()
    for path in sorted((results / "collect" / "clips").glob("*/media/*.mp4")):
        if path.stem in clips:
            sum(1 for _ in decode_frames(path))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/demo"))
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    tables = sorted((args.results / "collect" / "clips").glob("*/clips.parquet"))
    seen = read_table(
        sorted((args.results / "speech" / "keep_language").glob("*/keep_language.parquet")), "keep_language"
    )
    clips = read_table(tables, "clips").set_index("clip_id").loc[seen.loc[seen["kept"], "clip_id"]]
    frames = int(clips["frames"].sum())
    seconds = {step: job_seconds(args.results, stage, step) for step, stage in STEPS.items()}
    seconds["all visual steps"] = sum(seconds.values())
    seconds["decoding (baseline)"] = decode_seconds(args.results, set(clips.index))
    print(f"{frames} frames of 25 a second")
    print(f"{'':22}{'s':>8}{'ms a frame':>12}{f'fps, {args.cores} cores':>14}{'x decoding':>12}")
    for step, spent in seconds.items():
        ratio = spent / seconds["decoding (baseline)"]
        print(f"{step:22}{spent:8.1f}{1e3 * spent / frames:12.2f}{args.cores * frames / spent:14.0f}{ratio:12.1f}")


if __name__ == "__main__":
    main()
