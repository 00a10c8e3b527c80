"""How the motion of generated answers compares with that of the true ones, once decoded by the tokenizers."""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nonverbal.errors import UserError
from nonverbal.layouts import PARTS
from nonverbal.mars.beats import BeatAlignment, word_onsets
from nonverbal.mars.encode import read_records
from nonverbal.mars.interleave import motion_token, parse
from nonverbal.mars.saved import device
from nonverbal.mars.settings import Evaluation
from nonverbal.tokenizers.metrics import diversity, frechet, variance
from nonverbal.tokenizers.model import MotionTokenizer, load_model
from nonverbal.tokenizers.motion import Motion, Scale, fill
from nonverbal.tokenizers.streaming import decode_batch

log = logging.getLogger("nonverbal")
Key = tuple[str, int]
Runs = list[np.ndarray]  # of one answer, each [frames, dim] in the layout's units
TRUE, DECODED = "true", "true_decoded"


def evaluate_motion(
    generated: Path, test: Path, frames: list[Path], index: list[Path], scale: list[Path], models: list[Path],
    metrics: Path, settings: Evaluation, seed: int,
) -> None:  # fmt: skip
    """Write for each setting of `generated`, for the true answers, and for those decoded from their tokens, a flat row.

    PART_frames; PART_diversity and PART_variance as in table 3 (mean distance of pairs of frames, as coded; variance
    over time); PART_frechet, to the true answers' frames; beats, beat_alignment and beat_alignment_chance as in
    `beats`. What cannot be had, since there is no such motion, is null. true_decoded is what a model could reach at
    best: its distance is what the tokenizers lose.

    Args:
        generated: what `generate` wrote.
        test: records.
        frames, index, scale: what rule frames wrote, of face and body.
        models: the trained tokenizers, of face and body.
        metrics: JSON to write: answers (their number), settings.
        settings: how many answers are decoded at once.
        seed: draws pairs.

    Raises:
        UserError: a tokenizer does not have a code that was generated: it is another one.
    """
    lines = [line for line in read_records(generated) if not line["left_out"]]
    names = list(dict.fromkeys(line["setting"] for line in lines))
    keys = [key_of(line) for line in lines if line["setting"] == names[0]]
    said = {key_of(record): record["messages"][-1]["content"] for record in read_records(test)}
    texts = {DECODED: [said[key] for key in keys]}
    texts |= {name: [line["raw"] for line in lines if line["setting"] == name] for name in names}
    found: dict[str, dict[str, Any]] = {name: {} for name in (TRUE, *texts)}
    for part, *paths, model in zip(PARTS, frames, index, scale, models, strict=True):
        motion = Motion.load(*paths)
        network = load_model(model, motion.scale.layout, device())
        runs = {TRUE: true_runs(motion, keys)}
        runs |= {name: decode(network, motion.scale, part, ones, settings.batch) for name, ones in texts.items()}
        for name, answers in runs.items():
            scores = compare(answers, runs[TRUE], seed) if name != TRUE else spread(answers, seed)
            found[name] |= {f"{part}_{metric}": value for metric, value in scores.items()}
            if part == "body":
                joints = motion.scale.layout.training_slices()["upper_body"]
                found[name] |= beats(answers, texts.get(name, texts[DECODED]), joints, network.downsampling)
    metrics.write_text(json.dumps({"answers": len(keys), "settings": found}, indent=1) + "\n")
    for name, scores in found.items():
        log.info("%s: %s", name, ", ".join(f"{key} {value:.4g}" for key, value in scores.items() if value is not None))


def key_of(record: dict) -> Key:
    """Clip and answering utterance of a record or a line of `generate`."""
    return record["clip_id"], record["utterances"][-1]


def true_runs(motion: Motion, keys: Sequence[Key]) -> list[Runs]:
    """The recorded motion of each answer, what is unknown filled in."""
    rows: dict[Key, list[tuple[int, int]]] = {key: [] for key in keys}
    names = ("clip_id", "utterance_id", "row", "frames")
    for clip_id, utterance_id, row, length in zip(*(motion.index[name].tolist() for name in names), strict=True):
        if (clip_id, utterance_id) in rows:
            rows[clip_id, utterance_id].append((row, length))
    mean, std = motion.scale.mean, motion.scale.std
    return [[fill(motion.read(run)) * std + mean for run in rows[key]] for key in keys]


def decode(network: MotionTokenizer, scale: Scale, part: str, lines: Sequence[str], batch: int) -> list[Runs]:
    """The motion of each line's codes of a part; no run where it has none."""
    codes = [getattr(parse(line), part) for line in lines]
    if (largest := max((max(one) for one in codes if one), default=0)) >= network.quantizer.size:
        raise UserError(
            f"{motion_token(part, largest)} is to be decoded, but the {part} tokenizer has {network.quantizer.size} "
            "codes: it is not the one that MARS learnt from; train MARS again (--forcerun tokenize)"
        )
    order = sorted((i for i, one in enumerate(codes) if one), key=lambda i: len(codes[i]))  # like lengths pad little
    runs: list[Runs] = [[] for _ in codes]
    for at in range(0, len(order), batch):
        chosen = order[at : at + batch]
        for i, made in zip(chosen, decode_batch(network, [np.array(codes[i])[:, None] for i in chosen]), strict=True):
            runs[i] = [made * scale.std + scale.mean]
    return runs


def spread(answers: Iterable[Runs], seed: int) -> dict[str, float | int | None]:
    """Frames, and how much they differ from each other and over time."""
    runs = [run for answer in answers for run in answer]
    if not runs:
        return {"frames": 0, "diversity": None, "variance": None}
    frames = np.concatenate(runs)
    return {
        "frames": len(frames), "diversity": diversity(frames, seed)["diversity_coded"], "variance": variance(runs),
    }  # fmt: skip


def compare(answers: Iterable[Runs], truth: Iterable[Runs], seed: int) -> dict[str, float | int | None]:
    """`spread`, and the distance to the true answers' frames."""
    made, true = ([run for answer in some for run in answer] for some in (answers, truth))
    enough = all(sum(map(len, runs)) > 1 for runs in (made, true))
    distance = frechet(np.concatenate(true), np.concatenate(made)) if enough else None
    return spread([made], seed) | {"frechet": distance}


def beats(answers: Sequence[Runs], lines: Sequence[str], joints: slice, frames_per_token: int) -> dict[str, Any]:
    """Beat alignment of bodies with the words of their lines; a run begins with the token after the last one's."""
    score = BeatAlignment()
    for runs, line in zip(answers, lines, strict=True):
        onsets = word_onsets(line)
        for run in runs:
            score.add(run[:, joints].reshape(len(run), -1, 3), onsets)
            onsets = onsets - frames_per_token * -(-len(run) // frames_per_token)
    return score.means()
