"""The encoders' shape is the published checkpoint's, and pictures reach them as published."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from nonverbal.config import SCHEMA, load
from nonverbal.cues.emoca import CODE, SIZE, Emoca, EmocaEncoder, face_picture, load_emoca
from nonverbal.cues.face import load_face_backend
from nonverbal.cues.frames import FACE, PERSON
from nonverbal.cues.settings import EmocaSettings
from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE
from nonverbal.media import VideoWriter

SETTINGS = EmocaSettings(margin=1.25, least_px=32, batch=4)


def run(message):
    raise AssertionError(message)


class Foreign:
    """An object such as training frameworks leave in checkpoints; unpickling it for real would fail the test."""

    def __reduce__(self):
        return run, ("a checkpoint's code was run",)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return EmocaEncoder().eval()


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    """In the published format, with parts that are not the encoders' and code that must not run."""
    folder = tmp_path_factory.mktemp("models") / "emoca"
    folder.mkdir()
    state = {f"deca.{key}": value for key, value in network.state_dict().items()}
    state["deca.D_detail.weight"] = torch.ones(3)
    torch.save(
        {"state_dict": state, "epoch": 3, "hyper_parameters": {"inference": Foreign()}}, folder / "emoca_v2.ckpt"
    )
    return folder / "emoca_v2.ckpt"


def test_the_encoders_have_the_published_tensors(network):
    state = network.state_dict()
    assert state["E_flame.encoder.conv1.weight"].shape == (64, 3, 7, 7)
    assert state["E_flame.encoder.layer3.5.conv2.weight"].shape == (256, 256, 3, 3)
    assert state["E_flame.encoder.layer4.0.downsample.0.weight"].shape == (2048, 1024, 1, 1)
    assert state["E_flame.layers.2.weight"].shape == (236, 1024)
    assert state["E_expression.layers.2.weight"].shape == (50, 1024)
    trunk = sum(value.numel() for key, value in network.E_flame.encoder.named_parameters())
    assert trunk == 23_508_032  # ResNet-50 without its classifier


def test_a_checkpoint_is_read_and_its_code_is_not_run(network, checkpoint):
    with pytest.raises(AssertionError, match="code was run"):
        torch.load(checkpoint, weights_only=False)
    pictures = torch.rand(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        assert torch.equal(load_emoca(checkpoint)(pictures), network(pictures))


def test_expression_is_the_second_encoders_and_the_rest_the_firsts(network):
    pictures = torch.rand(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        features, expression = network(pictures), network.E_expression(pictures)
        code = dict(zip(CODE, network.E_flame(pictures).split(list(CODE.values()), dim=1), strict=True))
    assert features.shape == (2, FLAME_FACE.features)
    for group, numbers in {"expression": expression, **{g: code[g] for g in ("global", "jaw", "shape")}}.items():
        assert torch.equal(features[:, slice(*FLAME_FACE.groups[group])], numbers)


def test_the_picture_is_the_square_about_the_face():
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[:, 150:] = 255
    face = face_picture(picture, np.array([110, 60, 190, 140]), 1.25)  # 80 px, so a square of 100 px about (150, 109.6)
    assert face.shape == (SIZE, SIZE, 3)
    assert (face[:, : SIZE // 2 - 2] == 0).all() and (face[:, SIZE // 2 + 2 :] == 255).all()
    rows = np.tile(np.arange(200, dtype=np.uint8)[:, None, None], (1, 300, 3))
    assert abs(int(face_picture(rows, np.array([110, 60, 190, 140]), 1.25)[SIZE // 2, 0, 0]) - 109.6) < 1


def test_a_face_at_the_edge_is_black_beyond_it():
    face = face_picture(np.full((100, 100, 3), 200, np.uint8), np.array([-40, 20, 40, 100]), 1.25)
    assert (face[:, :80] == 0).all() and (face[60:150, 120:] == 200).all()


def test_every_sighting_is_read_in_batches_and_small_faces_are_unknown(checkpoint, tmp_path):
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "a.mp4", 96, 96) as video:
        for _ in range(7):
            video.write(rng.integers(0, 255, (96, 96, 3), np.uint8))
    seen = pd.DataFrame({"speaker": 0, "track_id": 0, "frame": np.arange(7)})
    seen[FACE], seen[PERSON] = np.float32([20, 20, 70, 70]), 0.0
    seen.loc[3, FACE] = np.float32([20, 20, 32, 32])
    batched, sure = Emoca(SETTINGS, checkpoint)(tmp_path / "a.mp4", seen)
    assert np.isnan(batched[3]).all() and sure[3] == 0 and (np.delete(sure, 3) == 1).all()
    alone, _ = Emoca(SETTINGS.model_copy(update={"batch": 1}), checkpoint)(tmp_path / "a.mp4", seen)
    assert np.delete(batched, 3, axis=0) == pytest.approx(np.delete(alone, 3, axis=0), abs=1e-4)
    assert np.abs(np.diff(np.delete(batched, 3, axis=0), axis=0)).max() > 0


def settings():
    face = load(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())).cues.face
    return face.model_copy(update={"backend": "emoca", "emoca": SETTINGS})


def test_without_the_licensed_file_one_sentence_says_where_to_register(tmp_path):
    with pytest.raises(
        UserError, match=r"cues\.face\.backend .*https://emoca\.is\.tue\.mpg\.de .*put emoca_v2\.ckpt at"
    ):
        load_face_backend(settings(), tmp_path, [tmp_path / "emoca"])


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps({"state_dict": {}})])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "emoca").mkdir()
    (tmp_path / "emoca" / "emoca_v2.ckpt").write_bytes(content)
    with pytest.raises(UserError, match="does not hold EMOCA v2's encoders"):
        load_face_backend(settings(), tmp_path, [tmp_path / "emoca"])


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    torch.save({"state_dict": {"weight": torch.ones(1)}}, tmp_path / "x.ckpt")
    with pytest.raises(UserError, match="does not hold EMOCA v2's encoders"):
        load_emoca(tmp_path / "x.ckpt")
