"""Measure a tokenizer on the test split (paper, table 3), beside constants: the training mean and median frame."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from nonverbal.avatar.surfaces import Surface, features_of, has_model, load_surface
from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.schema import write_table
from nonverbal.tokenizers.metrics import MeshDistance, codebook_use, diversity, errors, frechet, variance
from nonverbal.tokenizers.model import MotionTokenizer, load_model
from nonverbal.tokenizers.motion import Motion, Window, fill
from nonverbal.tokenizers.settings import Evaluation
from nonverbal.tokenizers.streaming import decode_run, encode_runs

log = logging.getLogger("nonverbal")
SHOWN = 300  # frames of the run that is kept to be looked at
CHUNK = 250  # frames posed at once; a multiple of the metrics' window


@dataclass(frozen=True)
class Pair:
    """One run in the layout's units: truth and made [frames, dim], known (bool), tokens [T, Q].

    Unknown numbers of the truth are filled in; where a number is unknown, its error counts as none.
    """

    truth: np.ndarray
    made: np.ndarray
    known: np.ndarray
    tokens: np.ndarray


def evaluate_tokenizer(
    part: str, row: str, repeat: str, frames: Path, index: Path, scale: Path, model: Path, metrics: Path, decoded: Path,
    settings: Evaluation, models: Path, seed: int,
) -> None:  # fmt: skip
    """Reconstruct the test split and write what was lost.

    Args:
        part: face or body; of a tokenizer of both, the part that is measured.
        row, repeat: of table 3, and which of its trainings.
        frames, index, scale: what the tokenizer's frames rule wrote.
        model: what train_tokenizer wrote.
        metrics: JSON to write: reference (the truth's own spread), model, constants, codebook, what was measured.
        decoded: table to write: the beginning of the longest of the runs, as it was and as it came back.
        settings: how much is measured.
        models: folder of models; FLAME's and SMPL-X's meshes are taken from it where they are there.
        seed: draws runs and pairs.
    """
    motion = Motion.load(frames, index, scale)
    network = load_model(model, motion.scale.layout, "cuda" if torch.cuda.is_available() else "cpu")
    split = evaluation_split(motion)
    runs = choose(motion.runs(split), settings.frames, seed)
    layout, where = motion.scale.layout.of_part(part)
    pairs = [only(pair, where) for pair in reconstruct(motion, network, runs)]
    mean, middle = motion.scale.mean[where], median(motion, settings.frames, seed)[where]
    backends = json.loads(scale.read_text())["backend"].split("+")
    mesh = Mesh(layout, models, settings.body_vertices, mean_hands="osx" in backends)
    results = {
        "part": part,
        "row": row,
        "repeat": int(repeat),
        "layout": layout.name,
        "mesh": mesh.label,
        "split": split,
        "runs": len(runs),
        "frames": sum(length for _, length in runs),
        "reference": spread([pair.truth for pair in pairs], seed),
        "model": compare(pairs, layout, mesh, seed),
        "constant_mean": compare(constant(pairs, mean), layout, mesh, seed),
        "constant_median": compare(constant(pairs, middle), layout, mesh, seed),
        "codebook": codebook_use(
            np.concatenate([pair.tokens for pair in pairs]), network.quantizer.size, network.downsampling
        ),
    }
    write_table(decoded, "decoded", example(motion, runs, pairs))
    metrics.write_text(json.dumps(results, indent=2) + "\n")


def evaluation_split(motion: Motion) -> str:
    """Test; where a small dataset has no such split, validation or train, and the log and the results say so."""
    split = next(name for name in ("test", "validation", "train") if motion.runs(name))
    if split != "test":
        log.warning("no clip is in the test split; the %s split is measured instead", split)
    return split


def choose(runs: list[Window], frames: int, seed: int) -> list[Window]:
    """Runs, in random order, until there are enough frames; at least one."""
    order = [runs[i] for i in np.random.default_rng(seed).permutation(len(runs))]
    before = np.cumsum([0, *(length for _, length in order[:-1])])
    return [run for run, at in zip(order, before, strict=True) if at < frames]


def reconstruct(motion: Motion, network: MotionTokenizer, runs: list[Window]) -> list[Pair]:
    """Encode runs to tokens and decode them."""
    mean, std = motion.scale.mean, motion.scale.std
    pairs = []
    for run, tokens in zip(runs, encode_runs(motion, network, runs), strict=True):
        values = motion.read(run)
        made = decode_run(network, tokens, run[1])
        pairs.append(Pair(fill(values) * std + mean, made * std + mean, np.isfinite(values), tokens))
    return pairs


def only(pair: Pair, where: slice) -> Pair:
    """A part's numbers of a run."""
    return replace(pair, truth=pair.truth[:, where], made=pair.made[:, where], known=pair.known[:, where])


def example(motion: Motion, runs: list[Window], pairs: list[Pair]) -> pa.Table:
    """The first frames of the longest run, truth beside what came back; NaN where the truth is unknown."""
    longest = max(range(len(runs)), key=lambda i: (runs[i][1], -runs[i][0]))
    run = motion.index[motion.index["row"] == runs[longest][0]].iloc[0]
    pair, shown = pairs[longest], min(runs[longest][1], SHOWN)
    truth = np.where(pair.known, pair.truth, np.nan)[:shown].astype(np.float32)
    return pa.table({
        "clip_id": [run["clip_id"]] * shown, "utterance_id": [run["utterance_id"]] * shown,
        "frame": run["first_frame"] + np.arange(shown), "truth": list(truth),
        "made": list(pair.made[:shown].astype(np.float32)),
    })  # fmt: skip


def median(motion: Motion, frames: int, seed: int) -> np.ndarray:
    """Median frame [dim] of the training split, in the layout's units, over about so many of its frames."""
    known = np.concatenate([motion.read(run) for run in choose(motion.runs("train"), frames, seed)])
    middle = np.zeros(known.shape[1], np.float32)
    seen = np.isfinite(known).any(axis=0)
    middle[seen] = np.nanmedian(known[:, seen], axis=0)
    return middle * motion.scale.std + motion.scale.mean


def constant(pairs: list[Pair], frame: np.ndarray) -> list[Pair]:
    """The same runs as one that always makes the same frame [dim] would reconstruct them."""
    return [replace(pair, made=np.broadcast_to(frame, pair.truth.shape)) for pair in pairs]


class Mesh:
    """Vertices of a layout's vectors: FLAME's or SMPL-X's where the user has their files, else the open model's.

    Args:
        layout: of the vectors.
        models: folder of models, as the config names it.
        body_vertices: take every n-th vertex of a body.
        mean_hands: hands are relative to SMPL-X's mean hand, as OSX's are.

    Attributes:
        label: what the mesh is, for the results; the open model cannot show FLAME's numbers, so that there may be none.
        there: whether there is a mesh.
    """

    def __init__(self, layout: Layout, models: Path, body_vertices: int, mean_hands: bool = False) -> None:
        self.layout, self.every, self.there = layout, body_vertices, True
        self.licensed: Surface | None = None
        licensed = {FLAME_FACE.name: "flame", SMPLX_BODY.name: "smplx"}.get(layout.name)
        if licensed and has_model(models, licensed):
            self.licensed = load_surface(layout, models, mean_hands)
        elif layout is FLAME_FACE:
            self.there, self.label = False, "none, as FLAME's file is not in the folder of models"
            return
        else:
            from nonverbal.avatar.model import Avatar

            self.avatar = Avatar()
        count = self.vertices(np.zeros((1, layout.dim), np.float32)).shape[1]
        kind = {OPEN_FACE.name: "Anny face, not FLAME", SMPLX_BODY.name: "Anny upper body, not SMPL-X"}
        self.label = f"{self.licensed.label if self.licensed else kind[layout.name]}: {count} vertices, metres"

    def vertices(self, frames: np.ndarray) -> np.ndarray:
        """Vertices [N, V, 3] in metres for training vectors [N, dim]; shape and global rotation are zero."""
        if self.licensed:
            every = 1 if self.layout is FLAME_FACE else self.every
            return self.licensed.vertices(features_of(frames, self.layout))[:, ::every]
        values = torch.from_numpy(np.ascontiguousarray(frames, np.float32))
        with torch.no_grad():
            if self.layout is OPEN_FACE:
                return self.avatar.face_vertices(values).numpy()
            return self.avatar.body_vertices(values, self.every).numpy()


def compare(pairs: list[Pair], layout: Layout, mesh: Mesh, seed: int) -> dict[str, Any]:
    """All metrics of some reconstructions."""
    distance = MeshDistance()
    for pair in pairs if mesh.there else ():
        seen = np.where(pair.known, pair.made, pair.truth)
        for at in range(0, len(seen), CHUNK):
            part = slice(at, at + CHUNK)
            distance.add(mesh.vertices(pair.truth[part]), mesh.vertices(seen[part]))
    truth, made, known = (
        np.concatenate([getattr(pair, name) for pair in pairs]) for name in ("truth", "made", "known")
    )
    off = errors(truth, made, known, layout.training_slices())
    fit = {"frechet": frechet(truth, made)} if len(truth) > 1 else {}
    return distance.means() | off | fit | spread([pair.made for pair in pairs], seed)


def spread(runs: list[np.ndarray], seed: int) -> dict[str, float]:
    """Diversity and variance of frames, runs of [frames, dim]."""
    return diversity(np.concatenate(runs), seed) | {"variance": variance(runs)}
