"""Training and tokenizing beside plain transcriptions of the published recipe, and memory beside a corpus's length.

Run from the repository's root: python benchmarks/vqvae.py [training] [tokenizing] [memory]
Ratios are of ways taken in turns in one run. On one thread: frames a second of processor time, which does not depend on
what else the machine does; on more (--threads), of wall time, which does. Only frames that teach, or that get a token,
count: no padding, and nothing past 512 frames where that is dropped.

The published recipe pads each utterance to 512 frames, drops what lies past them, trains eagerly in float32, and pools
the mask in Python loops over frames and tokens. Its tokenizing looks for each utterance by its name in the list of all,
and encodes it alone, twice: for the codes, and for the shape of their mask.
Lengths: the paper publishes a mean of 547 frames and no more; drawn here are `exponential`, and `lognormal` with a
deviation of 1.5 times the mean. `demonstration` has the demonstration's lengths (mean 54) and its small network.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import yaml
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from nonverbal.config import load
from nonverbal.layouts import FACE_FEATURES, FLAME_FACE
from nonverbal.schema import TABLES, write_table
from nonverbal.tokenizers.frames import frames as write_frames
from nonverbal.tokenizers.model import MotionTokenizer
from nonverbal.tokenizers.motion import Motion, Scale, Window
from nonverbal.tokenizers.settings import Frames, Tokenizer, Training
from nonverbal.tokenizers.streaming import encode_runs
from nonverbal.tokenizers.trainer import Trainer

ROOT = Path(__file__).resolve().parents[1]
LONGEST, FEW = 512, 8  # frames of a training window, and of a token
LAYOUT = FLAME_FACE
MEAN, DEMONSTRATION = 547, (1, 98)  # frames: the paper's mean utterance; the demonstration's shortest and longest run
CORPUS = 69_412 + 30_390  # utterances of the paper's experiments, which its search goes through


@dataclass(frozen=True)
class Case:
    """One distribution of lengths, and the sizes that go with it."""

    name: str
    settings: Tokenizer
    training: Training
    lengths: Callable[[np.random.Generator, int], np.ndarray]


def cases() -> list[Case]:
    """The paper's sizes with two long tails, and the demonstration's."""
    paper = load(yaml.safe_load((ROOT / "config.yaml").read_text()) | {"sources": "."}).tokenizers
    training = paper.training.model_copy(update={"batch": 16, "accumulation": 4, "threads": 1})
    small = paper.face.model_copy(
        update={
            "codebook": paper.face.codebook.model_copy(update={"size": 64, "dead_below": 0.25}),
            "network": paper.face.network.model_copy(update={"width": 64}),
        }
    )
    spread = np.sqrt(np.log(1 + 1.5**2))
    return [
        Case("exponential", paper.face, training, lambda rng, count: rng.exponential(MEAN, count)),
        Case("lognormal", paper.face, training,
             lambda rng, count: rng.lognormal(np.log(MEAN) - spread**2 / 2, spread, count)),
        Case("demonstration", small, training.model_copy(update={"precision": "float32"}),
             lambda rng, count: rng.uniform(*DEMONSTRATION, count)),
    ]  # fmt: skip


def corpus(folder: Path, case: Case, count: int) -> Motion:
    """Random walks of so many utterances on disk."""
    rng = np.random.default_rng(0)
    lengths = case.lengths(rng, count).astype(int).clip(1)
    rows = np.cumsum(lengths) - lengths
    array = np.lib.format.open_memmap(
        folder / f"{case.name}.npy", mode="w+", dtype=np.float32, shape=(int(lengths.sum()), LAYOUT.dim)
    )
    for row, length in zip(rows, lengths, strict=True):
        array[row : row + length] = rng.normal(0, 0.1, (length, LAYOUT.dim)).cumsum(axis=0)
    index = pd.DataFrame({"row": rows, "frames": lengths, "split": "train"})
    return Motion(array, index, Scale(LAYOUT, np.zeros(LAYOUT.dim, np.float32), np.ones(LAYOUT.dim, np.float32)))


# The published recipe, plainly.


class Residual(nn.Module):
    """ReLU, dilated convolution, ReLU, convolution of 1, and what came in."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
            nn.ReLU(), nn.Conv1d(width, width, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """[B, width, T] -> the same shape."""
        return x + self.layers(x)


def residuals(width: int) -> list[nn.Module]:
    return [Residual(width, dilation) for dilation in (9, 3, 1)]


class Published(nn.Module):
    """The published network and codebook: as many weights as ours."""

    def __init__(self, settings: Tokenizer) -> None:
        super().__init__()
        width, self.settings = settings.network.width, settings.codebook
        encoder: list[nn.Module] = [nn.Conv1d(LAYOUT.dim, width, 3, padding=1), nn.ReLU()]
        decoder: list[nn.Module] = [nn.Conv1d(self.settings.dim, width, 3, padding=1), nn.ReLU()]
        for _ in range(3):
            encoder += [nn.Conv1d(width, width, 4, stride=2, padding=1), *residuals(width)]
            decoder += [*residuals(width), nn.Upsample(scale_factor=2), nn.Conv1d(width, width, 3, padding=1)]
        self.encoder = nn.Sequential(*encoder, nn.Conv1d(width, self.settings.dim, 3, padding=1))
        self.decoder = nn.Sequential(
            *decoder, nn.Conv1d(width, width, 3, padding=1), nn.ReLU(), nn.Conv1d(width, LAYOUT.dim, 3, padding=1)
        )
        codes = F.normalize(torch.randn(self.settings.size, self.settings.dim), dim=1)
        for name, value in {"codes": codes, "sums": codes.clone(), "counts": torch.ones(len(codes))}.items():
            self.register_buffer(name, value)

    def quantize(self, latents: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes [B, C, T], tokens [B, T] and commitment of latents; in training, the codes follow them."""
        places = F.normalize(latents, dim=1).transpose(1, 2)
        flat, own = places.flatten(0, 1), mask.flatten() > 0
        tokens = (flat.pow(2).sum(1, keepdim=True) - 2 * flat @ self.codes.T + self.codes.pow(2).sum(1)).argmin(dim=1)
        codes = self.codes[tokens]
        if self.training:
            self.follow(flat.detach()[own], tokens[own])
        commitment = ((flat - codes) ** 2).mean(dim=1)[own].mean()
        codes = flat + (codes - flat).detach()
        return codes.view_as(places).transpose(1, 2), tokens.view_as(mask), commitment

    def follow(self, flat: Tensor, tokens: Tensor) -> None:
        """The moving average, and codes out of use replaced."""
        hot = F.one_hot(tokens, len(self.codes)).float()
        self.sums.mul_(self.settings.decay).add_(hot.T @ flat, alpha=1 - self.settings.decay)
        self.counts.mul_(self.settings.decay).add_(hot.sum(0), alpha=1 - self.settings.decay)
        self.codes.copy_(F.normalize(self.sums / self.counts.clamp(min=1e-5)[:, None], dim=1))
        dead = self.counts < self.settings.dead_below
        self.codes[dead] = flat[torch.randint(len(flat), (int(dead.sum()),))]

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What is made of values [B, dim, T], and the commitment."""
        latents = self.encoder(values)
        codes, _, commitment = self.quantize(latents, pooled(mask, latents.shape[-1]))
        return self.decoder(codes), commitment

    def tokenize(self, values: Tensor, mask: Tensor) -> Tensor:
        """The tokens of one padded utterance; it is encoded again for the shape of the mask."""
        latents = self.encoder(values)
        _, tokens, _ = self.quantize(latents, pooled(mask, latents.shape[-1]))
        return tokens[pooled(mask, self.encoder(values).shape[-1]) > 0]


def pooled(mask: Tensor, count: int) -> Tensor:
    """The mask [B, T] of tokens [B, count]: a loop over frames for whose they are, and one over tokens."""
    whose = torch.zeros(mask.shape, dtype=torch.long)
    for frame in range(mask.shape[1]):
        whose[:, frame] = min(frame * count // mask.shape[1], count - 1)
    few = torch.zeros(len(mask), count)
    for sequence in range(len(mask)):
        for token in range(count):
            frames = (whose[sequence] == token).nonzero(as_tuple=True)[0]
            if len(frames):
                few[sequence, token] = mask[sequence, frames].max()
    return few


def padded(motion: Motion, runs: list[Window]) -> tuple[Tensor, Tensor]:
    """Values [B, dim, 512] and mask [B, 512] of utterances: zeros after the short, nothing of the rest of the long."""
    values, mask = torch.zeros(len(runs), LONGEST, LAYOUT.dim), torch.zeros(len(runs), LONGEST)
    for i, (row, length) in enumerate(runs):
        length = min(length, LONGEST)
        values[i, :length], mask[i, :length] = torch.from_numpy(motion.read((row, length))), 1
    return values.transpose(1, 2), mask


def published_loss(made: Tensor, values: Tensor, mask: Tensor, commitment: Tensor, settings: Tokenizer) -> Tensor:
    """L1 by group and of differences of frames, means over unmasked frames, and the commitment."""
    weights = settings.losses
    steps, own = mask[:, 1:] * mask[:, :-1], mask.sum()
    loss = settings.codebook.commitment * commitment
    for group, where in LAYOUT.training_slices().items():
        off = (made[:, where] - values[:, where]).abs().mean(dim=1) * mask
        change = (made[:, where].diff(dim=-1) - values[:, where].diff(dim=-1)).abs().mean(dim=1) * steps
        loss = loss + weights.groups[group] * off.sum() / own
        loss = loss + weights.velocity * weights.velocity_groups[group] * change.sum() / steps.sum().clamp(min=1)
    return loss


def published_steps(motion: Motion, case: Case) -> Iterator[int]:
    """Train the published way; the frames that each step taught."""
    torch.manual_seed(0)
    model, training = Published(case.settings).train(), case.training
    optimizer = torch.optim.AdamW(model.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    runs, rng = motion.runs("train"), np.random.default_rng(0)
    while True:
        frames = 0
        for _ in range(training.accumulation):
            chosen = [runs[i] for i in rng.integers(len(runs), size=training.batch)]
            values, mask = padded(motion, chosen)
            made, commitment = model(values, mask)
            (published_loss(made, values, mask, commitment, case.settings) / training.accumulation).backward()
            frames += int(mask.sum())
        nn.utils.clip_grad_norm_(model.parameters(), training.clip)
        optimizer.step()
        optimizer.zero_grad()
        yield frames


def our_steps(motion: Motion, case: Case, precision: str) -> Iterator[int]:
    """Train as the stage does; the frames that each step taught."""
    AcceleratorState._reset_state(reset_partial_state=True)  # a process has one precision otherwise
    trainer = Trainer(motion, case.settings, case.training.model_copy(update={"precision": precision}), seed=0)
    while True:
        for plan in trainer.plan():
            trainer.step([motion.batch(windows, FEW) for windows in plan])
            yield sum(length for windows in plan for _, length in windows)
        trainer.epoch += 1


def in_turns(ways: dict[str, Iterator[int]], times: int, warm: int = 1) -> dict[str, float]:
    """Frames a second of each way, after some steps that do not count: shapes not met before cost.

    Of processor time on one thread; with more of them, which wait for each other, of wall time.
    """
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    frames, seconds = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0.0)
    for step in range(times + warm):
        for name, way in ways.items():
            began = clock()
            done = next(way)
            if step >= warm:
                frames[name] += done
                seconds[name] += clock() - began
    return {name: frames[name] / seconds[name] for name in ways}


def training(folder: Path, steps: int) -> None:
    """Print frames a second of training."""
    print("| training | published | ours, float32 | ours, bf16 | ratio, float32 | ratio, bf16 | published padding |")
    print("|---|---|---|---|---|---|---|")
    for case in cases():
        motion = corpus(folder, case, 1500)
        ways = {"published": published_steps(motion, case)}
        ways |= {precision: our_steps(motion, case, precision) for precision in ("float32", "bf16")}
        small = case.name == "demonstration"
        speed = in_turns(ways, 5 * steps if small else steps, 8 if small else 1)
        kept = np.minimum(motion.index["frames"], LONGEST).mean() / LONGEST
        ratios = [f"{speed[precision] / speed['published']:.2f}" for precision in ("float32", "bf16")]
        print(f"| {case.name} |", " | ".join(f"{value:,.0f}" for value in speed.values()), "|",
              " | ".join(ratios), f"| {1 - kept:.0%} |", flush=True)  # fmt: skip


def published_tokens(motion: Motion, case: Case) -> Iterator[int]:
    """Tokenize the published way; the frames that got tokens, an utterance at a time."""
    torch.manual_seed(0)
    model, runs = Published(case.settings).eval(), motion.runs("train")
    names = [(i, f"video000000_{i // 12:03d}_{i}") for i in range(CORPUS)]
    order = np.random.default_rng(0).integers(CORPUS, size=100_000)
    with torch.no_grad():
        for i in order:
            name = f"video000000_{i // 12:03d}_{i}"
            found = list(filter(lambda one, name=name: one[1] == name, names))[0][0]  # noqa: RUF015 - as published
            values, mask = padded(motion, [runs[found % len(runs)]])
            model.tokenize(values, mask)
            yield int(mask.sum())


def our_tokens(motion: Motion, case: Case) -> Iterator[int]:
    """Tokenize as the stage does; the frames that got tokens, 512 utterances at a time."""
    torch.manual_seed(0)
    model, runs = MotionTokenizer(LAYOUT.dim, case.settings).eval(), motion.runs("train")
    while True:
        for at in range(0, len(runs), 512):
            encode_runs(motion, model, runs[at : at + 512])
            yield sum(length for _, length in runs[at : at + 512])


def tokenizing(folder: Path, times: int) -> None:
    """Print frames a second of tokenizing."""
    print("| tokenizing | published | ours | ratio |\n|---|---|---|---|")
    for case in cases():
        motion = corpus(folder, case, 1500)
        ways = {"published": bundled(published_tokens(motion, case), 8), "ours": our_tokens(motion, case)}
        speed = in_turns(ways, times, 6 if case.name == "demonstration" else 1)
        print(f"| {case.name} | {speed['published']:,.0f} | {speed['ours']:,.0f} | "
              f"{speed['ours'] / speed['published']:.1f} |", flush=True)  # fmt: skip


def bundled(way: Iterator[int], count: int) -> Iterator[int]:
    """So many steps of a way as one."""
    while True:
        yield sum(next(way) for _ in range(count))


# Memory.


def sparse(folder: Path, frames: int) -> Motion:
    """A corpus of so many frames that holds no data: a sparse file."""
    array = np.lib.format.open_memmap(
        folder / "sparse.npy", mode="w+", dtype=np.float32, shape=(frames, LAYOUT.dim)
    )  # all holes: zeros
    rows = np.arange(0, frames, MEAN)
    index = pd.DataFrame({"row": rows, "frames": np.minimum(MEAN, frames - rows), "split": "train"})
    return Motion(array, index, Scale(LAYOUT, np.zeros(LAYOUT.dim, np.float32), np.ones(LAYOUT.dim, np.float32)))


def read_training(folder: Path, frames: int) -> int:
    """Read batches as training does, all over the corpus; how many frames."""
    case = next(case for case in cases() if case.name == "demonstration")
    motion, read = sparse(folder, frames), 0
    trainer = Trainer(motion, case.settings, case.training, seed=0)
    batches = [windows for step in trainer.plan() for windows in step]
    for windows in batches[:: max(1, frames // READ)]:
        motion.batch(windows, FEW)
        read += sum(length for _, length in windows)
    return read


def read_tokenizing(folder: Path, frames: int) -> int:
    """Tokenize all over the corpus, with a network of one channel, so that the reading counts; how many frames."""
    case = next(case for case in cases() if case.name == "demonstration")
    network = case.settings.network.model_copy(update={"width": 1, "depth": 1})
    model = MotionTokenizer(LAYOUT.dim, case.settings.model_copy(update={"network": network})).eval()
    motion = sparse(folder, frames)
    runs = motion.runs("train")[:: max(1, frames // READ)]
    for at in range(0, len(runs), 2000):
        encode_runs(motion, model, runs[at : at + 2000])
    return sum(length for _, length in runs)


def write_rule(folder: Path, frames: int) -> int:
    """Rule frames on one shard of so many frames, clips of 15,000; how many frames."""
    table, clip = folder / "face.parquet", 15_000
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, rng = TABLES["face"], np.random.default_rng(0)
    features = pa.FixedSizeListArray.from_arrays(rng.random(clip * FACE_FEATURES, np.float32), FACE_FEATURES)
    numbers, clips = np.arange(clip), range(frames // clip)
    with pq.ParquetWriter(table, schema, compression="zstd") as writer:
        for number in clips:
            columns = {
                "clip_id": [f"clip_{number}"] * clip, "utterance_id": numbers // MEAN,
                "speaker": numbers // MEAN % 2, "frame": numbers, "valid": np.ones(clip, bool), "reason": [""] * clip,
                "confidence": np.ones(clip), "features": features,
            }  # fmt: skip
            writer.write_table(pa.table(columns, schema=schema))
    split = [
        {"clip_id": f"clip_{number}", "video_id": f"{number}", "channel_id": "", "group": f"{number}", "split": "train"}
        for number in clips
    ]  # fmt: skip
    write_table(folder / "split.parquet", "split", split)
    outputs = {"frames": folder / "out.npy", "index": folder / "index.parquet", "scale": folder / "scale.json"}
    settings = Frames(longest_gap=7, least_std=0.01)
    write_frames("face", [table], folder / "split.parquet", **outputs, settings=settings, backend="emoca")
    return len(clips) * clip


JOBS = {"training's reads": read_training, "tokenizing": read_tokenizing, "rule frames": write_rule}
SIZES = {"training's reads": (10**7, 10**8), "tokenizing": (10**7, 10**8), "rule frames": (6 * 10**5, 3 * 10**6)}
READ = 2_000_000  # frames of the corpus that are read, about


def memory(folder: Path) -> None:
    """Print the most resident memory of each job, each in a process of its own, on a short and a long corpus."""
    print("| memory | frames | read | most resident | before |\n|---|---|---|---|---|")
    for job, sizes in SIZES.items():
        for frames in sizes:
            command = [sys.executable, __file__, "--folder", str(folder), "--job", job, "--frames", str(frames)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            read, before, most = (int(value) for value in said[-3:])
            print(f"| {job} | {frames:,} | {read:,} | {most:,} MB | {before:,} MB |", flush=True)


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="training, tokenizing, memory; all where none is named")
    parser.add_argument("--threads", type=int, default=1, help="of training and tokenizing")
    parser.add_argument("--steps", type=int, default=3, help="of training, of four batches each")
    parser.add_argument("--folder", type=Path, help="for the files made; a temporary one where none is named")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1 if args.job else args.threads)
    if args.job:
        before = peak_mb()
        print(JOBS[args.job](args.folder, args.frames), before, peak_mb())
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for part in args.parts or ("training", "tokenizing", "memory"):
            {"training": lambda: training(Path(name), args.steps), "tokenizing": lambda: tokenizing(Path(name), 2),
             "memory": lambda: memory(Path(name))}[part]()  # fmt: skip


if __name__ == "__main__":
    main()
