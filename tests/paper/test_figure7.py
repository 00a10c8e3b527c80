from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from nonverbal.layouts import OPEN_FACE, SMPLX_BODY
from nonverbal.paper.figure7 import Layer, codebook, codes, figure7, layers, losses, residual
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Scale
from nonverbal.tokenizers.settings import Network, Tokenizer

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())["tokenizers"]
FACE, BODY = (Tokenizer.model_validate(CONFIG[part]) for part in ("face", "body"))


def narrow(settings: Tokenizer, **network: int) -> Tokenizer:
    return settings.model_copy(update={"network": Network(**{"width": 16, "depth": 3, "downsampling": 8} | network)})


def test_the_layers_are_those_that_a_pass_applies():
    model = MotionTokenizer(51, narrow(FACE))
    assert layers(model, "encoder", 512) == [
        Layer("conv 3, 51 → 16", 512),
        Layer("conv 4 /2, 16", 256), Layer("residual 9, 3, 1", 256),
        Layer("conv 4 /2, 16", 128), Layer("residual 9, 3, 1", 128),
        Layer("conv 4 /2, 16", 64), Layer("residual 9, 3, 1", 64),
        Layer("conv 3, 16 → 8", 64),
    ]  # fmt: skip
    assert layers(model, "decoder", 512) == [
        Layer("conv 3, 8 → 16", 64),
        Layer("residual 9, 3, 1", 64), Layer("×2, conv 3, 16", 128),
        Layer("residual 9, 3, 1", 128), Layer("×2, conv 3, 16", 256),
        Layer("residual 9, 3, 1", 256), Layer("×2, conv 3, 16", 512),
        Layer("conv 3, 16", 512), Layer("conv 3, 16 → 51", 512),
    ]  # fmt: skip
    assert not any(module._forward_hooks for module in model.modules())


def test_another_network_is_drawn_as_another():
    model = MotionTokenizer(51, narrow(FACE, depth=2, downsampling=4))
    assert [layer.steps for layer in layers(model, "encoder", 64)] == [64, 32, 32, 16, 16, 16]
    assert layers(model, "encoder", 64)[2].text == "residual 3, 1"
    model.encoder.blocks[0][0].wide = torch.nn.Conv1d(16, 16, 5, padding=4, dilation=2)
    model.encoder.blocks[0][0].wide.forward = lambda x, mask: x
    assert layers(model, "encoder", 64)[2].text == "residual 2, 1"
    assert residual(model).startswith("residual d: x + conv 1 of conv 5, dilated d")


def test_codes_and_losses_are_those_of_the_settings():
    assert codes(BODY) == "quantizer: 512 codes of 16 numbers"
    assert codebook(FACE)[0] == "unit sphere, straight-through gradient"
    assert losses(FACE.losses, 0.02) == [
        "loss: reconstruction + 0.5 velocity + 0.02 commitment",
        "reconstruction, L1: 1 expression + 5 jaw",
        "velocity, L1: 1 expression + 5 jaw",
    ]


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    paths = []
    for part, settings, layout in (("face", FACE, OPEN_FACE), ("body", BODY, SMPLX_BODY)):
        scale = Scale(layout, np.zeros(layout.dim, np.float32), np.ones(layout.dim, np.float32))
        paths.append(tmp_path / f"{part}.pt")
        save_model(paths[-1], MotionTokenizer(layout.dim, narrow(settings)), narrow(settings), part, scale)
    return paths


def test_the_figure_is_a_column_wide_and_the_same_again(models: list[Path], tmp_path: Path):
    made = []
    for name in ("one", "two"):
        outputs = [tmp_path / f"{name}.{kind}" for kind in ("png", "pdf")]
        figure7(*models, 512, *outputs)
        made.append([path.read_bytes() for path in outputs])
    assert made[0] == made[1]
    assert Image.open(tmp_path / "one.png").width == 990
