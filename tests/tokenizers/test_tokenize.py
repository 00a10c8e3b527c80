from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizer_cases import TINY, TRAINING

from nonverbal.schema import read_table, write_table
from nonverbal.tokenizers.evaluate_tokenizer import reconstruct
from nonverbal.tokenizers.model import load_model
from nonverbal.tokenizers.motion import Motion, collate
from nonverbal.tokenizers.tokenize import split_units, tokenize
from nonverbal.tokenizers.train_tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def model(made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    paths = {"model": folder / "model.pt", "history": folder / "history.csv", "events": folder / "events"}
    train_tokenizer("face", "ours", **made, **paths, settings=TINY, training=TRAINING, seed=5)
    return folder / "model.pt"


def test_every_frame_of_every_split_has_a_token(made: dict[str, Path], model: Path, tmp_path: Path) -> None:
    tokenize(**made, model=model, tokens=tmp_path / "tokens.parquet")
    table = read_table(tmp_path / "tokens.parquet", "tokens")
    index = read_table(made["index"], "sequences_index")
    shared = ["clip_id", "utterance_id", "speaker", "split", "first_frame", "frames"]
    assert table[shared].equals(index[shared])
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table["tokens"].map(len).tolist() == [-(-frames // 8) for frames in index["frames"]]
    every = np.concatenate(table["tokens"].to_list())
    assert every.min() >= 0
    assert every.max() < 16
    assert len(set(every)) > 4


def test_decoded_tokens_are_the_models_reconstruction(made: dict[str, Path], model: Path, tmp_path: Path) -> None:
    tokenize(**made, model=model, tokens=tmp_path / "tokens.parquet")
    table = read_table(tmp_path / "tokens.parquet", "tokens")
    motion = Motion.load(**made)
    network, scale = load_model(model, motion.scale.layout), motion.scale
    for row, run in zip(table.itertuples(), motion.index.itertuples(), strict=True):
        batch = collate([motion.read((run.row, run.frames))], 8)
        expected = network(batch.values, batch.mask).made[0, :, : run.frames].T.detach()
        decoded = network.decode(torch.tensor(row.tokens)[:, None])[:, : run.frames].T
        assert torch.equal(decoded, expected)
        again = reconstruct(motion, network, [(run.row, run.frames)])[0].made
        np.testing.assert_array_equal(again, decoded.numpy() * scale.std + scale.mean)


def test_tokens_do_not_depend_on_what_else_is_there(made: dict[str, Path], model: Path, tmp_path: Path) -> None:
    tokenize(**made, model=model, tokens=tmp_path / "all.parquet")
    index = read_table(made["index"], "sequences_index")
    write_table(tmp_path / "index.parquet", "sequences_index", index[index["clip_id"] == "d_000"])
    tokenize(made["frames"], tmp_path / "index.parquet", made["scale"], model, tmp_path / "one.parquet")
    whole, one = (read_table(tmp_path / f"{name}.parquet", "tokens") for name in ("all", "one"))
    expected = whole[whole["clip_id"] == "d_000"]["tokens"].map(list).tolist()
    assert one["tokens"].map(list).tolist() == expected


def test_units_hold_every_run_once(motion: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nonverbal.tokenizers.tokenize.UNIT_FRAMES", 100)
    units = split_units(motion.index)
    assert len(units) > 2
    assert sorted(i for rows in units.values() for i in rows.index) == list(motion.index.index)
