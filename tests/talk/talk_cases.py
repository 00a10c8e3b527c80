"""A results folder with an untrained MARS and untrained tokenizers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nonverbal.layouts import OPEN_FACE, SMPLX_BODY
from nonverbal.mars.base import base
from nonverbal.mars.settings import Base, Tiny
from nonverbal.talk.talk import MODEL, TOKENIZER
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Scale
from nonverbal.tokenizers.settings import Codebook, Losses, Network, Tokenizer

CODES, LENGTH = 16, 768
UNTRAINED = Tokenizer(
    codebook=Codebook(
        size=CODES, dim=4, decay=0.9, commitment=0.02, dead_below=0, normalised=True, initialisation="random",
        gradient="straight_through", temperature=0, quantizers=1, dropout=False, levels=(),
    ),
    network=Network(width=16, depth=1, downsampling=8),
    losses=Losses(reconstruction="l1", velocity=0, by_group=False, groups={}, velocity_groups={}),
)  # fmt: skip


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("talk")
    said = [
        {"role": role, "content": "do you like rain or sun yes no maybe"} for role in ("system", "user", "assistant")
    ]
    (results / "train.jsonl").write_text(json.dumps({"clip_id": "a", "utterances": [0, 1], "messages": said}) + "\n")
    (results / MODEL).parent.mkdir(parents=True)
    settings = Base(name="tiny", new_rows="mean", tiny=Tiny(layers=1, width=32, heads=2, vocabulary=300))
    sizes = {"face_codes": CODES, "body_codes": CODES, "turn_marks": False, "length": LENGTH}
    base(results / "train.jsonl", [], [], results / MODEL, results / "base.json", settings, **sizes, seed=5)
    torch.manual_seed(1)
    for layout, part in ((OPEN_FACE, "face"), (SMPLX_BODY, "body")):
        path = results / TOKENIZER.format(part=part)
        path.parent.mkdir(parents=True)
        scale = Scale(layout, np.full(layout.dim, 0.1, np.float32), np.full(layout.dim, 0.2, np.float32))
        save_model(path, MotionTokenizer(layout.dim, UNTRAINED), UNTRAINED, part, scale)
    return results
