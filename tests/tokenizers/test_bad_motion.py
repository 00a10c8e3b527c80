"""Motion that is hardly there or wrong: it trains, measures and tokenizes, or is told in a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizer_cases import TINY, TRAINING, motion_rows, tiny

from nonverbal.errors import UserError
from nonverbal.layouts import OPEN_FACE, SMPLX_BODY
from nonverbal.schema import read_table, write_table
from nonverbal.tokenizers.evaluate_tokenizer import evaluate_tokenizer
from nonverbal.tokenizers.frames import frames
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Motion, Scale
from nonverbal.tokenizers.settings import Evaluation, Frames
from nonverbal.tokenizers.tokenize import tokenize
from nonverbal.tokenizers.train_tokenizer import train_tokenizer


def made_of(folder: Path, rows: list[dict]) -> dict[str, Path]:
    """Frames of clips whose first letter says their split."""
    splits = {"t": "train", "v": "validation", "e": "test"}
    clips = sorted({row["clip_id"] for row in rows})
    write_table(folder / "face.parquet", "face", rows)
    write_table(folder / "split.parquet", "split", [
        {"clip_id": clip, "video_id": clip, "channel_id": clip, "group": clip, "split": splits[clip[0]]}
        for clip in clips
    ])  # fmt: skip
    paths = {"frames": folder / "frames.npy", "index": folder / "index.parquet", "scale": folder / "scale.json"}
    settings = Frames(longest_gap=7, least_std=0.01)
    frames("face", [folder / "face.parquet"], folder / "split.parquet", **paths, settings=settings, backend="open_face")
    return paths


def through(folder: Path, paths: dict[str, Path], **codebook: object) -> tuple[dict, list[list[int]]]:
    """What is measured of a tokenizer trained on some frames, and the tokens of all runs."""
    outputs = {name: folder / name for name in ("model", "history", "events")}
    training = TRAINING.model_copy(update={"epochs": 2})
    train_tokenizer("face", "ours", **paths, **outputs, settings=tiny(**codebook), training=training, seed=1)
    measured = {"metrics": folder / "metrics.json", "decoded": folder / "decoded.parquet"}
    settings = Evaluation(frames=100, body_vertices=50)
    evaluate_tokenizer("face", "ours", "0", **paths, **measured, model=outputs["model"], settings=settings,
                       models=folder, seed=1)  # fmt: skip
    tokenize(**paths, model=outputs["model"], tokens=folder / "tokens.parquet")
    tokens = read_table(folder / "tokens.parquet", "tokens")["tokens"]
    return json.loads((folder / "metrics.json").read_text()), [list(one) for one in tokens]


def test_utterances_of_one_frame_and_more_codes_than_data(tmp_path: Path) -> None:
    rows = [row for i, clip in enumerate(("t0", "t1", "v0", "e0")) for row in motion_rows(clip, 0, np.array([i]), i)]
    metrics, tokens = through(tmp_path, made_of(tmp_path, rows), size=64, initialisation="random")
    assert [len(one) for one in tokens] == [1, 1, 1, 1]
    assert np.isfinite([value for value in metrics["model"].values() if value is not None]).all()
    assert metrics["frames"] == 1


def test_an_utterance_of_which_no_number_is_known_teaches_nothing(tmp_path: Path) -> None:
    rows = [row for i, clip in enumerate(("t0", "v0", "e0")) for row in motion_rows(clip, 0, np.arange(30), i)]
    for utterance, wrong in ((1, np.nan), (2, np.inf)):
        for clip in ("t0", "v0", "e0"):
            found = motion_rows(clip, utterance, np.arange(100 * utterance, 100 * utterance + 20), 9)
            rows += [row | {"features": np.full_like(row["features"], wrong)} for row in found]
    rows.sort(key=lambda row: (row["clip_id"], row["utterance_id"]))
    paths = made_of(tmp_path, rows)
    assert np.isfinite(json.loads(paths["scale"].read_text())["mean"]).all()
    motion = Motion.load(**paths)
    batch = motion.batch([motion.runs("train")[1], motion.runs("train")[2]], 8)
    assert not batch.known.any() and batch.values.eq(0).all()
    metrics, tokens = through(tmp_path, paths)
    assert [len(one) for one in tokens] == [4, 3, 3] * 3
    assert np.isfinite(list(metrics["model"].values())).all()
    history = (tmp_path / "history").read_text()
    assert "nan" not in history and "inf" not in history


def test_tokens_are_not_made_with_a_model_of_another_layout(tmp_path: Path) -> None:
    paths = made_of(tmp_path, motion_rows("t0", 0, np.arange(30), 1))
    scale = Scale(SMPLX_BODY, np.zeros(SMPLX_BODY.dim, np.float32), np.ones(SMPLX_BODY.dim, np.float32))
    torch.manual_seed(0)
    save_model(tmp_path / "model.pt", MotionTokenizer(SMPLX_BODY.dim, TINY), TINY, "body", scale)
    with pytest.raises(UserError, match=f"layout smplx, these are of layout {OPEN_FACE.name}"):
        tokenize(**paths, model=tmp_path / "model.pt", tokens=tmp_path / "tokens.parquet")
    assert not (tmp_path / "tokens.parquet").exists()
