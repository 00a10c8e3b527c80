"""How fast Light-ASD scores faces: ours, against one track and one duration at a time, in one run.

Run from the repository's root: python benchmarks/active_speaker.py CLIP.mp4 [--tracks 4] [--threads 2] [--weights FILE]
The clip's sound is taken as it is; its tracks are made here: so many faces, each seen for a part of the clip, where the
clip shows one is of no matter to the time. Without --weights the network has random ones, which take as long.
The baseline is the network as published: normalisations apart, pictures as volumes, each stretch of each duration
scored for itself. "network alone" is ours on faces and cepstra that are there already: what decoding, cutting and
cepstra add to it is our overhead.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from nonverbal.layouts import FPS
from nonverbal.media import decode_frames, read_audio, run_ffmpeg
from nonverbal.speakers.face_crops import crop_squares, cut_faces, pieces
from nonverbal.speakers.light_asd import EPSILON, KERNELS, REACH, WIDTHS, LightAsd, load_light_asd
from nonverbal.speakers.light_asd_scores import Places, classify, encode, light_asd_scores
from nonverbal.speakers.mfcc import PER_FRAME, mfcc

SIX = (1, 2, 3, 4, 5, 6)


class PublishedBlock(nn.Module):
    """A block as the paper draws it: volumes, and a normalisation after every convolution."""

    def __init__(self, inputs: int, outputs: int, flat: bool, stride: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(self.branch(inputs, outputs, k, flat, stride) for k in KERNELS)
        self.mix = self.part(outputs, outputs, (1, 1, 1), 1)

    def part(self, inputs, outputs, size, stride) -> nn.Sequential:
        padding = tuple(one // 2 for one in size)
        convolution = nn.Conv3d(inputs, outputs, size, (1, stride, stride), padding, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm3d(outputs, eps=EPSILON), nn.ReLU())

    def branch(self, inputs, outputs, k, flat, stride) -> nn.Sequential:
        across = (1, k, 1) if flat else (1, k, k)
        return nn.Sequential(self.part(inputs, outputs, across, stride), self.part(outputs, outputs, (k, 1, 1), 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(sum(branch(x) for branch in self.branches))


class Published(nn.Module):
    """Both encoders as the paper draws them, with our recurrent layers."""

    def __init__(self, ours: LightAsd) -> None:
        super().__init__()
        self.ours = ours
        pairs = list(pairwise(WIDTHS))
        self.pictures = nn.ModuleList(PublishedBlock(a, b, False, 2 if i == 0 else 1) for i, (a, b) in enumerate(pairs))
        self.sound = nn.ModuleList(PublishedBlock(a, b, True, 1) for a, b in pairs)

    def forward(self, faces: Tensor, cepstra: Tensor) -> Tensor:
        seen, heard = faces[:, None].float() / 255, cepstra[:, None, :, :, None]
        for i, (block, hearing) in enumerate(zip(self.pictures, self.sound, strict=True)):
            seen, heard = block(seen), hearing(heard)
            if i < len(self.pictures) - 1:
                seen = nn.functional.max_pool3d(seen, (1, 3, 3), (1, 2, 2), (0, 1, 1))
                heard = nn.functional.max_pool3d(heard, (3, 1, 1), (2, 1, 1), (1, 0, 0))
        return self.ours.classify((seen.amax((3, 4)) + heard.mean((3, 4))).transpose(1, 2))


def make_tracks(frames: int, width: int, height: int, count: int) -> pd.DataFrame:
    """So many faces of a sixth of the picture's height, each seen for 40 to 100 % of the clip."""
    rng, size = np.random.default_rng(0), height / 6
    rows = []
    for track in range(count):
        length = int(frames * rng.uniform(0.4, 1))
        first, x = int(rng.integers(0, frames - length + 1)), (track + 0.5) * width / count
        box = (x - size / 2, height / 3 - size / 2, x + size / 2, height / 3 + size / 2)
        rows += [(track, frame, *box) for frame in range(first, first + length)]
    return pd.DataFrame(rows, columns=["track_id", "frame", "face_x0", "face_y0", "face_x1", "face_y1"])


def one_at_a_time(network: nn.Module, faces: dict[int, Tensor], heard: dict[int, Tensor], durations) -> Tensor:
    """Scores as the published demonstration computes them."""
    scores = []
    for track, pictures in faces.items():
        every = [
            torch.cat(
                [
                    network(
                        pictures[None, i : i + FPS * d], heard[track][None, PER_FRAME * i : PER_FRAME * (i + FPS * d)]
                    )[0]
                    for i in range(0, len(pictures), FPS * d)
                ]
            )
            for d in durations
        ]
        scores.append(torch.stack(every).mean(0))
    return torch.cat(scores)


def timed(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Wall-clock and processor seconds of each way, the least of some rounds of all of them."""
    least = dict.fromkeys(ways, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, way in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            way()
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            least[name] = (min(least[name][0], spent[0]), min(least[name][1], spent[1]))
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--tracks", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = (load_light_asd(args.weights) if args.weights else LightAsd()).eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        run_ffmpeg("-i", str(args.clip), "-vn", "-ac", "1", "-ar", "16000", str(sound))
        samples = read_audio(sound)
    limit = args.seconds * FPS
    first = next(iter(decode_frames(args.clip)))
    frames = sum(1 for _ in islice(decode_frames(args.clip), limit))
    tracks = make_tracks(frames, first.shape[1], first.shape[0], args.tracks)
    report(args, network, tracks, samples, frames)


@torch.inference_mode()
def report(args, network: LightAsd, tracks: pd.DataFrame, samples: np.ndarray, frames: int) -> None:
    """Time each way, and print faces a second and ratios."""
    places, cepstra = Places.of(tracks), torch.from_numpy(mfcc(samples, frames))
    cut: dict[int, list[np.ndarray]] = {track: [] for track in places.lengths}
    stream = list(cut_faces(islice(decode_frames(args.clip), frames), crop_squares(tracks)))
    for track, face in stream:
        cut[track].append(face)
    faces = {track: torch.from_numpy(np.stack(one)) for track, one in cut.items()}
    heard = {
        track: cepstra[PER_FRAME * start :][: PER_FRAME * places.lengths[track]]
        for track, start in places.starts.items()
    }
    published = Published(network).eval().requires_grad_(False)

    def whole(durations) -> Callable[[], object]:
        return lambda: light_asd_scores(
            network, islice(decode_frames(args.clip), frames), samples, tracks, durations, args.batch
        )

    def alone(durations) -> Callable[[], object]:
        def run() -> None:
            step = durations[0] * FPS
            made = pieces(stream, places.lengths, step, REACH if len(durations) > 1 else 0)
            encoded, _ = encode(network, made, cepstra, places, args.batch)
            for duration in durations:
                classify(network, encoded, places.lengths.values(), duration * FPS)

        return run

    ways = {
        "decoding alone": lambda: sum(1 for _ in islice(decode_frames(args.clip), frames)),
        "one pass (2 s): network alone": alone((2,)),
        "one pass (2 s): whole backend": whole((2,)),
        "one pass: one track at a time": lambda: one_at_a_time(network, faces, heard, (2,)),
        "one pass: as published": lambda: one_at_a_time(published, faces, heard, (2,)),
        "1 to 6 s: network alone": alone(SIX),
        "1 to 6 s: whole backend": whole(SIX),
        "1 to 6 s: one at a time": lambda: one_at_a_time(network, faces, heard, SIX),
        "1 to 6 s: as published": lambda: one_at_a_time(published, faces, heard, SIX),
    }
    count, seconds = len(tracks), frames / FPS
    print(f"{count} faces of {args.tracks} tracks in {seconds:.0f} s; {args.threads} threads")
    print(f"{'':32}{'wall s':>8}{'CPU s':>8}{'faces/s':>9}{'faces/CPU s':>13}{'x real time':>13}")
    for name, (wall, processor) in timed(ways, args.rounds).items():
        row = f"{count / wall:9.0f}{count / processor:13.0f}{wall / seconds:13.2f}"
        print(f"{name:32}{wall:8.1f}{processor:8.1f}{row}")


if __name__ == "__main__":
    main()
