"""What stage cues costs on a real clip: decoding, networks, fitting, smoothing, each beside a baseline; and its memory.

Run from the repository's root: python benchmarks/cues.py VIDEO [--people 2] [--frames 500] [--cores 2] [--minutes 10]

Every frame of the longest tracks of as many people is a row, as if all spoke at once. Times are of processors, not of
the clock, so that other work on the machine tells less; run it with OMP_NUM_THREADS=1, as in a job. Rates on more cores
are those of as many jobs at once. Baselines: decoding the clip once, for the rules; for the engine, scipy's least
squares of each frame by itself with the same model, landmarks, prior and robust loss, on 40 of the engine's frames.
Memory is the peak of a process that runs the stage on a looped clip, of one minute and of so many: decoding and fitting
are real, the networks look at the first loop alone and repeat their answers.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.optimize
import torch
import yaml
from mediapipe.python.solution_base import SolutionBase

from nonverbal.config import SCHEMA, Config, load
from nonverbal.cues import fitting
from nonverbal.cues import frames as frames_module
from nonverbal.cues.body import body
from nonverbal.cues.face import face
from nonverbal.cues.smooth import smooth
from nonverbal.layouts import FPS
from nonverbal.media import VideoWriter, decode_frames, run_ffmpeg
from nonverbal.schema import TABLES, write_table
from nonverbal.speakers.descriptor import Colours
from nonverbal.speakers.faces import MediapipeFaces
from nonverbal.speakers.tracks import follow_faces, track_rows

ROOT = SCHEMA.parents[1]
LOOP = 250  # frames
CLIP = "clip_000"
BASELINE_FRAMES = 40
ENGINE = fitting.fit
ENGINE_USERS = [module for module in list(sys.modules.values()) if getattr(module, "fit", None) is ENGINE]


class Meter:
    """Seconds of processors that named parts took, and the problems that the engine was given."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.problems: list[tuple] = []

    def wrap(self, name: str, function: Callable) -> Callable:
        """The same function, metered."""

        def metered(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.add(name, started)

        return metered

    def add(self, name: str, started: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0) + time.process_time() - started

    def decode(self, path: Path) -> Iterator[np.ndarray]:
        """`decode_frames`, metered."""
        frames = decode_frames(path)
        following = self.wrap("decoding", lambda: next(frames, None))
        while (picture := following()) is not None:
            yield picture

    def fit(self, *args: Any) -> fitting.Fitted:
        """`fitting.fit`, metered, its arguments kept."""
        self.problems.append(args)
        return self.wrap("engine", ENGINE)(*args)

    def install(self) -> None:
        """Meter all that the stage's modules name."""
        frames_module.decode_frames = self.decode
        SolutionBase.process = self.wrap("networks", SolutionBase.process)
        for module in ENGINE_USERS:
            module.fit = self.fit


def settings() -> Config:
    return load(yaml.safe_load((ROOT / "config.yaml").read_text()) | {"sources": "https://example.org/none"})


def people_in(video: Path, frames: int, people: int) -> pd.DataFrame:
    """The longest tracks of a video as rows of table `tracks`."""
    pictures = list(islice(decode_frames(video), frames))
    chosen = settings().speakers.tracks
    found = follow_faces(pictures, MediapipeFaces(chosen.lowest_score), Colours(), chosen)
    rows = track_rows(CLIP, found, pictures[0].shape[1], pictures[0].shape[0])
    longest = rows["track_id"].value_counts().index[:people]
    return rows[rows["track_id"].isin(longest)].reset_index(drop=True)


def tables(folder: Path, video: Path, tracks: pd.DataFrame, loops: int) -> dict[str, Path]:
    """Inputs of the stage: a clip in which each track speaks in every frame that it is seen in, `loops` times over."""
    speakers = tracks["track_id"].astype("category").cat.codes.astype(int)
    base = tracks.assign(speaker=speakers, utterance_id=speakers, score=1.0)
    parts = [base.assign(
        frame=base["frame"] + LOOP * i, track_id=base["track_id"] + 1000 * i, utterance_id=base["utterance_id"] + 10 * i
    ) for i in range(loops)]  # fmt: skip
    crops, first = pd.concat(parts, ignore_index=True), next(decode_frames(video))
    clip = {
        "clip_id": CLIP, "video_id": "clip", "channel_id": "", "segment_id": 0, "start_s": 0.0, "end_s": 1.0,
        "frames": int(crops["frame"].max()) + 1, "width": first.shape[1], "height": first.shape[0], "video": video.name,
        "audio": "", "loudness_dbfs": -20.0, "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    rows = {
        "clips": [clip], "crops": crops,
        "keep_visible": [{"clip_id": CLIP, "kept": True, "reason": "", "detail": ""}],
    }  # fmt: skip
    for name, table in rows.items():
        write_table(folder / f"{name}.parquet", name, pd.DataFrame(table)[TABLES[name].names])
    return {name: folder / f"{name}.parquet" for name in rows}


def run_stage(inputs: dict[str, Path], video: Path, folder: Path, meters: dict[str, Meter]) -> dict[str, float]:
    """Seconds of processors that each rule takes on the clip."""
    cues, seconds = settings().cues, {}
    common = inputs | {"media": video.parent, "models": []}
    raw = {"face": folder / "face.parquet", "body": folder / "body.parquet"}
    instruments = {name: ROOT / "resources" / f"{name}_instrument.npz" for name in ("open_face", "body")}
    jobs = {
        "face": lambda: face(**common, instrument=instruments["open_face"], face=raw["face"], settings=cues.face),
        "body": lambda: body(**common, face=raw["face"], instrument=instruments["body"], body=raw["body"],
                             settings=cues.body),
        "smooth": lambda: smooth(inputs["keep_visible"], raw["face"], raw["body"], folder / "smooth_face.parquet",
                                 folder / "smooth_body.parquet", folder / "quality.parquet", cues.smooth),
    }  # fmt: skip
    for name, job in jobs.items():
        undo = SolutionBase.process
        if name in meters:
            meters[name].install()
        started = time.process_time()
        job()
        seconds[name] = time.process_time() - started
        SolutionBase.process = undo
    return seconds


def alone(problem: tuple, frames: int) -> float:
    """Seconds a frame of scipy's least squares, each frame by itself, on the engine's own problem."""
    model, landmarks, prior, start, _, _, outlier = problem
    root = torch.linalg.cholesky(prior.precision).T
    chosen = np.linspace(0, len(start) - 1, min(frames, len(start))).astype(int)
    low, high = (torch.nan_to_num(limit, posinf=1e9, neginf=-1e9).numpy() for limit in (prior.low, prior.high))
    started = time.process_time()
    for row in chosen:
        scale = landmarks.precision[row].sqrt()[:, None]
        known = torch.isfinite(landmarks.points[row])
        target = torch.nan_to_num(landmarks.points[row])

        def off(numbers: np.ndarray, scale=scale, known=known, target=target) -> np.ndarray:
            at = torch.from_numpy(numbers).to(start.dtype)[None]
            seen = ((model.points(at)[0] - target) * scale * known).flatten()
            return torch.cat([seen, root @ (at[0] - prior.mean)]).double().numpy()

        def slope(numbers: np.ndarray, scale=scale, known=known) -> np.ndarray:
            at = torch.from_numpy(numbers).to(start.dtype)[None]
            seen = (model.jacobian(at)[0] * (scale * known)[..., None]).flatten(0, 1)
            return torch.cat([seen, root]).double().numpy()

        inside = np.clip(start[row].double().numpy(), low + 1e-6, high - 1e-6)
        scipy.optimize.least_squares(off, inside, slope, (low, high), loss="cauchy", f_scale=outlier, max_nfev=50)
    return (time.process_time() - started) / len(chosen)


def report(rows: int, decoding: float, cores: int, seconds: dict[str, float], meters: dict) -> None:
    """Print what each rule costs, part by part."""
    print(f"{'':34}{'ms a row':>10}{f'rows/s, {cores} cores':>18}{'share':>8}{'x decoding once':>18}")

    def line(name: str, spent: float, whole: float) -> None:
        rate, share = cores * rows / max(spent, 1e-9), spent / whole
        print(f"{name:34}{1e3 * spent / rows:10.2f}{rate:18.0f}{share:8.1%}{spent / decoding:18.2f}")

    line("decoding once (baseline)", decoding, decoding)
    for rule, whole in seconds.items():
        line(rule, whole, whole)
        if rule in meters:
            parts = meters[rule].seconds
            for part in ("decoding", "networks"):
                line(f"  {part}", parts.get(part, 0), whole)
            line("  fitting and all else", whole - parts.get("decoding", 0) - parts.get("networks", 0), whole)
    line("face + body: landmarks and fitting", seconds["face"] + seconds["body"], sum(seconds.values()))
    decoded = sum(meter.seconds.get("decoding", 0) for meter in meters.values())
    print(f"decoding, in face and body together: {decoded / sum(seconds.values()):.1%} of the stage")


def report_engine(rule: str, meter: Meter, cores: int) -> None:
    """Print how the engine does beside scipy."""
    if not meter.problems:
        print(f"{rule}: the engine was not used")
        return
    frames = sum(len(problem[3]) for problem in meter.problems)
    engine = meter.seconds["engine"] / frames
    scipys = alone(max(meter.problems, key=lambda problem: len(problem[3])), BASELINE_FRAMES)
    print(
        f"{rule}: engine {cores / engine:.0f} frames/s on {cores} cores, scipy frame by frame {cores / scipys:.0f}: "
        f"{scipys / engine:.0f} x ({frames} frames)"
    )


def looped(video: Path, folder: Path, frames: int) -> Path:
    """The first LOOP frames again and again."""
    first = folder / "loop.mp4"
    pictures = decode_frames(video)
    picture = next(pictures)
    with VideoWriter(first, picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2) as writer:
        for _ in range(LOOP):
            writer.write(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
            picture = next(pictures)
    run_ffmpeg("-stream_loop", str(frames // LOOP - 1), "-i", str(first), "-c", "copy", str(folder / "long.mp4"))
    return folder / "long.mp4"


def replay() -> None:
    """Let the networks look at the first loop, and repeat their answers in all others."""
    look, answers, at = SolutionBase.process, {}, {"call": 0}

    def frames(path: Path) -> Iterator[np.ndarray]:
        for number, picture in enumerate(decode_frames(path)):
            at["call"] = 0 if number % LOOP == 0 else at["call"]
            yield picture

    def process(self, *args, **kwargs):
        at["call"] += 1
        key = (type(self), at["call"])
        answers[key] = answers[key] if key in answers else look(self, *args, **kwargs)
        return answers[key]

    frames_module.decode_frames, SolutionBase.process = frames, process


def peak(video: Path, people: int, frames: int) -> None:
    """Run the stage on so many frames; print seconds and the most memory in MB after each rule."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = looped(video, folder, frames)
        inputs = tables(folder, long, people_in(long, LOOP, people), frames // LOOP)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        replay()
        seconds = run_stage(inputs, long, folder, {})
        print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, sum(seconds.values()))


def report_memory(video: Path, people: int, minutes: int) -> None:
    """Print the peaks of one minute and of many."""
    for length in (1, minutes):
        command = [sys.executable, __file__, str(video), "--people", str(people), "--peak", str(length * 60 * FPS)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        before, most, seconds = (float(value) for value in output[-3:])
        print(f"{length:3} min of {people} people: peak {most:.0f} MB ({before:.0f} MB before), {seconds:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.peak:
        peak(args.video, args.people, args.peak)
        return
    tracks = people_in(args.video, args.frames, args.people)
    meters = {"face": Meter(), "body": Meter()}
    with tempfile.TemporaryDirectory() as folder:
        seconds = run_stage(tables(Path(folder), args.video, tracks, 1), args.video, Path(folder), meters)
    started = time.process_time()
    frames = sum(1 for _ in islice(decode_frames(args.video), args.frames))
    decoding = time.process_time() - started
    print(
        f"{frames} frames, {len(tracks)} rows of {tracks['track_id'].nunique()} people; load {os.getloadavg()[0]:.1f}"
    )
    report(len(tracks), decoding, args.cores, seconds, meters)
    for rule, meter in meters.items():
        report_engine(rule, meter, args.cores)
    if args.minutes:
        report_memory(args.video, args.people, args.minutes)


if __name__ == "__main__":
    main()
