"""Small results of the stages that the tables and figures read."""

import json
import math
from pathlib import Path

import pytest


@pytest.fixture
def statistics(tmp_path: Path) -> Path:
    path = tmp_path / "statistics.json"
    counts = {
        "channels": 2, "videos": 6, "nonverbal_expressions": 7211, "dialogues": 18, "turns": 84, "sentences": 96,
        "unique_words": 151, "mean_turns_per_dialogue": 4.667, "mean_utterance_words": 8.61,
        "mean_utterance_seconds": 2.43, "mean_frames_per_utterance": 58.2, "utterances": 88,
    }  # fmt: skip
    path.write_text(json.dumps(counts))
    return path


def errors(scale: float) -> dict[str, float]:
    return {
        "vmse_paper": 1e-6 * scale, "vmse_coded": 0.05 * scale, "lvd_paper": 1e-3 * scale, "lvd_coded": 4e-4 * scale,
        "wvl2_paper": 2e-7 * scale, "wvl2_coded": 2e-8 * scale, "mse": 0.01 * scale, "frechet": 0.4 * scale,
        "diversity_paper": 4.4, "diversity_coded": 2.0, "variance": 0.01,
    }  # fmt: skip


@pytest.fixture
def tokenizer(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for part in ("face", "body"):
        result = {
            "part": part, "row": "ours", "repeat": 0, "layout": "open_face",
            "mesh": f"some {part} mesh", "split": "test", "frames": 2200,
            "reference": {"diversity_paper": 5.0, "diversity_coded": 2.2, "variance": 0.013},
            "model": errors(1), "constant_mean": errors(3),
            "codebook": {"size": 512, "used": 128, "utilisation": 0.25, "entropy": 4.9, "perplexity": 134.2},
        }  # fmt: skip
        paths[part] = tmp_path / f"{part}.json"
        paths[part].write_text(json.dumps(result))
    return paths


def likelihoods(nll: float) -> dict:
    """NLLs and perplexities as stage mars gives them."""
    kinds = {"all": nll, "text": nll, "face": nll, "body": nll - 1}
    given = {f"nll_{part}_given_kind": kinds[part] - 0.5 for part in ("face", "body")}
    return {f"nll_{k}": v for k, v in kinds.items()} | {f"ppl_{k}": math.exp(v) for k, v in kinds.items()} | given


@pytest.fixture
def ablations(tmp_path: Path) -> list[Path]:
    """Two trainings of ours, of one on shuffled motion (the second better than ours), and of one on text only."""
    silent = {f"{name}_{part}": None for name in ("nll", "ppl") for part in ("face", "body")}
    silent |= {f"nll_{part}_given_kind": None for part in ("face", "body")}
    paths = []
    for row, nlls in (("ours", (4, 4.2)), ("shuffled_motion", (4.5, 4.1)), ("text_only", (6, 6))):
        for repeat, nll in enumerate(nlls):
            scores = likelihoods(nll) | (silent if row == "text_only" else {})
            paths.append(tmp_path / f"{row}_{repeat}.json")
            paths[-1].write_text(json.dumps({"row": row, "repeat": repeat, "scores": scores}))
    return paths


@pytest.fixture
def mars_motion(tmp_path: Path) -> Path:
    parts = {f"{part}_{name}": 1.5 for part in ("face", "body") for name in ("frechet", "diversity", "variance")}
    beats = {"beats": 9, "beat_alignment": 0.6, "beat_alignment_chance": 0.5}
    true = {name: value for name, value in (parts | beats).items() if "frechet" not in name}
    settings = {
        "true": true, "true_decoded": parts | beats, "trained": parts | beats,
        "zero_shot": dict.fromkeys(parts | beats),
    }  # fmt: skip
    path = tmp_path / "motion.json"
    path.write_text(json.dumps({"answers": 3, "settings": settings}))
    return path


@pytest.fixture
def mars_metrics(tmp_path: Path) -> Path:
    def scores(nll: float) -> dict:
        return likelihoods(nll) | {"meteor": None, "bertscore_f1": None}

    result = {
        "codes": {"face": 512, "body": 512},
        "uniform": {"nll_face": math.log(512), "nll_body": math.log(512)},
        "unigram": {"nll_face": 5.0, "nll_body": 4.5},
        "settings": {"zero_shot": scores(8), "trained": scores(4), "trained_without_context_motion": scores(4.5)},
        "not_available": {"meteor": "WordNet is not installed.", "bertscore_f1": "its model is not here"},
    }
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(result))
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {kind: tmp_path / f"table.{kind}" for kind in ("csv", "md", "tex")}
