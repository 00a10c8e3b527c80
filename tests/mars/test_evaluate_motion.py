import json

import numpy as np
import pandas as pd
import pytest
import torch

from nonverbal.errors import UserError
from nonverbal.layouts import OPEN_FACE, PARTS, SMPLX_BODY
from nonverbal.mars.evaluate_motion import evaluate_motion
from nonverbal.mars.interleave import motion_token
from nonverbal.mars.settings import BertScore, Evaluation
from nonverbal.schema import write_table
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Motion, Scale
from nonverbal.tokenizers.settings import Tokenizer
from nonverbal.tokenizers.streaming import encode_runs

LAYOUTS = {"face": OPEN_FACE, "body": SMPLX_BODY}
LENGTHS = (80, 40, 64)  # frames of the answers' runs; the last two are one answer's
KEYS = [("a_000", 1), ("b_000", 3), ("b_000", 3)]
CODEBOOK = {
    "size": 8, "dim": 4, "decay": 0.9, "commitment": 0.02, "dead_below": 0, "normalised": True,
    "initialisation": "random", "gradient": "straight_through", "temperature": 0, "quantizers": 1, "dropout": False,
    "levels": [],
}  # fmt: skip


def tokenizer(part: str) -> Tokenizer:
    groups = dict.fromkeys(LAYOUTS[part].trained, 1)
    losses = {"reconstruction": "l1", "velocity": 0.5, "by_group": True, "groups": groups, "velocity_groups": groups}
    return Tokenizer(codebook=CODEBOOK, network={"width": 8, "depth": 1, "downsampling": 8}, losses=losses)


@pytest.fixture
def made(tmp_path):
    """Inputs of evaluate_motion, with models of random weights, and the tokens of each part's runs."""
    inputs, tokens = {"frames": [], "index": [], "scale": [], "models": []}, {}
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    for part, layout in LAYOUTS.items():
        paths = {name: tmp_path / f"{part}_{name}" for name in ("frames", "index", "scale", "models")}
        array = rng.normal(size=(sum(LENGTHS), layout.dim)).cumsum(axis=0).astype(np.float32) * 0.1
        array[5:9] = np.nan
        with paths["frames"].open("wb") as file:
            np.save(file, array)
        starts = np.cumsum([0, *LENGTHS[:-1]])
        rows = [
            {"row": int(row), "frames": length, "clip_id": clip, "utterance_id": number, "speaker": 0,
             "first_frame": int(row), "split": "test"}
            for row, length, (clip, number) in zip(starts, LENGTHS, KEYS, strict=True)
        ]  # fmt: skip
        write_table(paths["index"], "sequences_index", pd.DataFrame(rows))
        mean, std = np.full(layout.dim, 0.5, np.float32), np.full(layout.dim, 2, np.float32)
        facts = {"layout": layout.name, "mean": mean.tolist(), "std": std.tolist(), "backend": "any"}
        paths["scale"].write_text(json.dumps(facts))
        model = MotionTokenizer(layout.dim, tokenizer(part)).eval()
        save_model(paths["models"], model, tokenizer(part), part, Scale(layout, mean, std))
        motion = Motion.load(paths["frames"], paths["index"], paths["scale"])
        tokens[part] = [run[:, 0].tolist() for run in encode_runs(motion, model, motion.runs("test"))]
        for name, path in paths.items():
            inputs[name].append(path)
    return inputs, tokens


def text(tokens, runs):
    """The line of some runs: a word, FACE and BODY in each group."""
    groups = [pair for run in runs for pair in zip(*(tokens[part][run] for part in PARTS), strict=True)]
    return " ".join("".join(map(motion_token, PARTS, pair)) + " word" for pair in groups)


def measure(made, tmp_path, raw):
    """Metrics of answers of `raw` in both settings, where the true ones are what they are."""
    inputs, tokens = made
    keys, truths = [KEYS[0], KEYS[1]], [text(tokens, [0]), text(tokens, [1, 2])]
    record = [
        {"clip_id": clip, "utterances": [0, number], "messages": [{"content": "?"}, {"content": line}]}
        for (clip, number), line in zip(keys, truths, strict=True)
    ]
    lines = [
        {"setting": setting, "clip_id": one["clip_id"], "utterances": one["utterances"], "raw": line, "left_out": ""}
        for setting, answers in raw(truths).items()
        for one, line in zip(record, answers, strict=True)
    ]
    for name, rows in (("test", record), ("generated", lines)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bertscore = BertScore(name="nobody/nothing", revision="0" * 40, layer=1)
    settings = Evaluation(utterances=2, batch=2, new_tokens=9, temperature=0, in_step=True, bertscore=bertscore)
    paths = {name: tmp_path / f"{name}.jsonl" for name in ("generated", "test")}
    evaluate_motion(**paths, **inputs, metrics=tmp_path / "m.json", settings=settings, seed=1)
    return json.loads((tmp_path / "m.json").read_text())


def test_true_answers_are_as_good_as_the_tokenizer_and_none_is_null(made, tmp_path):
    found = measure(made, tmp_path, lambda truths: {"zero_shot": ["word word", ""], "trained": truths})
    rows = found["settings"]
    assert found["answers"] == 2 and list(rows) == ["true", "true_decoded", "zero_shot", "trained"]
    assert rows["trained"] == rows["true_decoded"]
    assert rows["trained"]["face_frechet"] > 0.1 and "face_frechet" not in rows["true"]
    assert rows["true"]["body_frames"] == rows["trained"]["body_frames"] == sum(LENGTHS)
    assert rows["true"]["beats"] > 3 and 0 < rows["true"]["beat_alignment_chance"] < 1
    assert rows["zero_shot"]["body_frames"] == rows["zero_shot"]["beats"] == 0
    empty = {value for name, value in rows["zero_shot"].items() if not name.endswith(("frames", "beats"))}
    assert empty == {None}


def test_the_same_code_all_along_varies_less_than_many(made, tmp_path):
    still, many = "<FACE_1><BODY_1>" * 16, "".join(f"<FACE_{i % 8}><BODY_{3 * i % 8}>" for i in range(16))
    rows = measure(made, tmp_path, lambda _: {"zero_shot": [still] * 2, "trained": [many] * 2})["settings"]
    for part in PARTS:
        for metric in ("variance", "diversity"):
            assert rows["zero_shot"][f"{part}_{metric}"] < 0.9 * rows["trained"][f"{part}_{metric}"]


def test_codes_of_another_tokenizer_are_refused(made, tmp_path):
    with pytest.raises(UserError, match=r"<BODY_9> is to be decoded, but the body tokenizer has 8 codes"):
        measure(made, tmp_path, lambda truths: {"trained": ["<FACE_1><BODY_9>", ""]})
