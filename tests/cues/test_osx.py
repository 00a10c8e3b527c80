"""OSX by its published interface: a checkout made here has its modules and classes, and a network of ours."""

import importlib
import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from nonverbal import models
from nonverbal.config import Config
from nonverbal.cues.body import body, load_body_backend
from nonverbal.cues.body_response import INSTRUMENT
from nonverbal.cues.frames import FACE, PERSON
from nonverbal.cues.osx import OUTPUT, SIDE, Osx, checkout_of, joints_inside, read_answer, square, visible
from nonverbal.cues.settings import OsxSettings
from nonverbal.errors import UserError
from nonverbal.layouts import BODY_FEATURES, SMPLX_BODY, SMPLX_JOINTS
from nonverbal.media import VideoWriter
from nonverbal.preflight import preflight
from nonverbal.schema import read_table, write_table

CONFIG = """
import os, sys
class Config:
    input_img_shape, output_hm_shape = (512, 384), (16, 16, 12)
    def set_args(self, gpu_ids, lr=1e-4, continue_train=False):
        print(">>> Using GPU: " + gpu_ids)
    def set_additional_args(self, **kwargs):
        self.__dict__.update(kwargs)
        os.makedirs(os.path.join(os.path.dirname(__file__), "..", self.exp_name, "log"))
cfg = Config()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
"""
BASE = """
import torch
from config import cfg
assert (cfg.encoder_setting, cfg.decoder_setting) == ("osx_l", "normal")
SIZES = {{"root": 3, "body": 63, "lhand": 45, "rhand": 45, "jaw": 3}}
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
    def forward(self, inputs, targets, meta_info, mode):
        assert mode == "test" and inputs["img"].shape[1:] == (3, 512, 384) and not self.training
        image = inputs["img"]
        level = image[:, :, 256, 192].mean(1, keepdim=True)  # of the patch's middle
        out = {{f"smplx_{{name}}_pose": level.repeat(1, size) for name, size in SIZES.items()}}
        out["smplx_shape"], out["smplx_expr"] = 2 * level.repeat(1, 10), 3 * level.repeat(1, 10)
        out["smplx_joint_proj"] = torch.tensor([6.0, 8.0]).repeat(len(image), 137, 1)
        out["smplx_joint_proj"][:, 12] = torch.tensor([11.9, 8.0])  # the left wrist, beyond the crop
        out["smplx_mesh_cam"] = torch.zeros(len(image), 10475, 3)
        {fault}
        return out
class Demoer:
    def _make_model(self):
        print("Load checkpoint from " + cfg.pretrained_model_path)
        self.model = Model()
        self.model.load_state_dict(torch.load(cfg.pretrained_model_path)["network"], strict=False)
"""
PREPROCESSING = """
import cv2, numpy as np
def process_bbox(bbox, img_width, img_height):
    x, y, w, h = (float(v) for v in bbox)
    middle = x + w / 2, y + h / 2
    w, h = 1.25 * max(w, 0.75 * h), 1.25 * max(h, w / 0.75)
    return np.array([middle[0] - w / 2, middle[1] - h / 2, w, h], np.float32)
def generate_patch_image(cvimg, bbox, scale, rot, do_flip, out_shape):
    x, y, w, h = bbox
    to = np.array([[out_shape[1] / w, 0, -x * out_shape[1] / w], [0, out_shape[0] / h, -y * out_shape[0] / h]])
    patch = cv2.warpAffine(cvimg, to, (out_shape[1], out_shape[0]), flags=cv2.INTER_LINEAR)
    return patch, to, cv2.invertAffineTransform(to)
"""


CUES = Config.model_validate(yaml.safe_load((models.REGISTRY.parents[1] / "config.yaml").read_text())).cues


def make_checkout(folder, fault="pass"):
    """A folder with the interface of OSX's repository that is used; `fault` is run before its network answers."""
    for name, text in {
        "main/config.py": CONFIG,
        "common/base.py": BASE.format(fault=fault),
        "common/utils/preprocessing.py": PREPROCESSING,
        "common/utils/human_model_files/smplx/SMPLX_NEUTRAL.npz": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    import torch

    path = tmp_path_factory.mktemp("models") / "osx" / "osx_l.pth.tar"
    path.parent.mkdir()
    torch.save({"network": {"module.weight": torch.zeros(1)}}, path)
    return path


def settings(checkout, **changes):
    values = {"checkout": str(checkout), "python": sys.executable, "least_px": 16, "batch": 4, "timeout_s": 60}
    return OsxSettings(**(values | changes))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video of ten frames, each of another grey, and a person in each; in frame 3 one of 12 pixels."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    with VideoWriter(path, 96, 64) as video:
        for level in range(10):
            video.write(np.full((64, 96, 3), 20 * level + 20, np.uint8))
    seen = pd.DataFrame({"speaker": 0, "track_id": 0, "frame": np.arange(10)})
    seen[FACE], seen[PERSON] = 0.0, np.tile([10.0, 4.0, 50.0, 60.0], (10, 1))
    seen.loc[3, PERSON] = [10.0, 4.0, 22.0, 16.0]
    return path, seen


def run(checkout, weights, clip, **changes):
    path, seen = clip
    return Osx(settings(checkout, **changes), weights)(path, seen, np.full((len(seen), 3), np.nan))


def test_each_crop_gets_its_own_answer_in_the_features_order(tmp_path, weights, clip, monkeypatch):
    checkout, temporary = make_checkout(tmp_path / "osx"), tmp_path / "tmp"
    temporary.mkdir()
    (temporary / "config.py").write_text("raise RuntimeError('of this environment')")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("PYTHONPATH", str(temporary))
    before = files(checkout)
    features, sure = run(checkout, weights, clip)
    assert files(checkout) == before  # OSX's own logs do not go there
    assert not {path.suffix for path in temporary.rglob("*")} & {".png", ".jpg", ".npy", ".npz", ".mp4"}
    assert features.shape == (10, BODY_FEATURES)
    assert np.isnan(features[3]).all() and sure[3] == 0  # 12 pixels
    rows = np.delete(np.arange(10), 3)
    levels = (20 * rows + 20) / 255
    for group, factor in {"root": 1, "lower_body": 1, "right_hand": 1, "jaw": 1, "shape": 2, "expression": 3}.items():
        part = features[rows, slice(*SMPLX_BODY.groups[group])]
        assert part == pytest.approx(np.repeat(factor * levels[:, None], part.shape[1], 1), abs=0.02), group
    hidden = np.isnan(features[rows])
    left = [3 * (SMPLX_JOINTS.index(f"left_{joint}") + 1) for joint in ("shoulder", "elbow", "wrist")]
    assert not hidden[:, left[0]].any() and hidden[:, left[1]].all() and hidden[:, left[2]].all()
    assert hidden[:, slice(*SMPLX_BODY.groups["left_hand"])].all() and hidden.sum() == 9 * (3 + 3 + 45)
    assert sure[rows] == pytest.approx(5 / 6)


def files(folder):
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("fault, message", [
    ("raise RuntimeError('CUDA out of memory')", r"stopped with status 1;.* last wrote: .*CUDA out of memory"),
    ("import os; os.kill(os.getpid(), 9)", r"stopped with status -9"),
    ("out['smplx_shape'] = out['smplx_shape'][:2]", r"smplx_shape has shape \(2, 10\), not \(4, 10\)"),
])  # fmt: skip
def test_every_failure_is_one_sentence(tmp_path, weights, clip, fault, message):
    with pytest.raises(UserError, match=message) as error:
        run(make_checkout(tmp_path, fault), weights, clip)
    assert "\n" not in str(error.value) and "config key cues.body.osx" in str(error.value)


def test_one_that_hangs_is_stopped(tmp_path, weights, clip):
    (make_checkout(tmp_path) / "main" / "config.py").write_text("import time; time.sleep(600)")
    backend = Osx(settings(tmp_path, timeout_s=1), weights)
    with pytest.raises(UserError, match="gave no answer in 1 s"):
        backend(*clip, np.full((10, 3), np.nan))
    assert backend.process.process.poll() is not None


@pytest.mark.parametrize("changes, message", [
    ({"checkout": None}, r"checkout and \.python are needed by backend osx: write the folder"),
    ({"checkout": "/nowhere"}, r"/nowhere has no main/config\.py"),
    ({"python": "/nowhere/python"}, r"cues\.body\.osx\.python: /nowhere/python is no program"),
    ({"python": "/tmp"}, "/tmp is no program"),
])  # fmt: skip
def test_what_is_not_there_is_told_before_the_first_job(tmp_path, weights, changes, message):
    values = settings(make_checkout(tmp_path)).model_dump() | changes
    with pytest.raises(UserError, match=message):
        checkout_of(OsxSettings(**values))
    raw = yaml.safe_load((models.REGISTRY.parents[1] / "config.yaml").read_text())
    raw["models"] = str(weights.parents[1])
    raw["cues"]["body"] |= {"backend": "osx", "osx": values}
    with pytest.raises(UserError, match=message):
        preflight(Config.model_validate(raw), rules={"body"}, environments=True)


def test_smplx_files_and_weights_are_asked_for(tmp_path):
    checkout = make_checkout(tmp_path / "osx")
    chosen = CUES.body.model_copy(update={"backend": "osx", "osx": settings(checkout)})
    assert (chosen.models, chosen.gpus) == (["osx"], 1)
    with pytest.raises(UserError, match=r"https://github\.com/IDEA-Research/OSX.* put osx_l\.pth\.tar at"):
        load_body_backend(chosen, tmp_path, [tmp_path / "osx"])
    (checkout / "common/utils/human_model_files/smplx/SMPLX_NEUTRAL.npz").unlink()
    with pytest.raises(UserError, match=r"no SMPLX_NEUTRAL file; accept SMPL-X's licence at https://smpl-x"):
        checkout_of(chosen.osx)


def test_finished_clips_stay_when_it_fails_and_the_next_run_goes_on(tmp_path, weights, clip):
    checkout = make_checkout(tmp_path / "osx", "assert len(image) == 4, 'the second clip is too much'")
    path, seen = clip
    names = {"a_000": 4, "b_000": 2}
    crops = pd.concat([seen.head(n).assign(clip_id=name, utterance_id=0, score=1.0) for name, n in names.items()])
    crops[PERSON] = np.float32([10, 4, 50, 60])
    faces = crops[["clip_id", "utterance_id", "speaker", "frame"]].assign(valid=False, reason="not_found")
    faces = faces.assign(confidence=0.0, features=[np.full(156, np.nan, np.float32)] * len(crops))
    clips = [{
        "clip_id": name, "video_id": name, "channel_id": "", "segment_id": 0, "start_s": 0.0, "end_s": 0.4,
        "frames": 10, "width": 96, "height": 64, "video": f"{name}.mp4", "audio": "", "loudness_dbfs": -20.0,
        "kept": True, "reason": "", "detail": "",
    } for name in names]  # fmt: skip
    kept = [{"clip_id": name, "kept": True, "reason": "", "detail": ""} for name in names]
    for name, rows in {"clips": clips, "crops": crops, "face": faces, "keep_visible": kept}.items():
        write_table(tmp_path / f"{name}.parquet", name, rows)
    for name in names:
        (tmp_path / f"{name}.mp4").write_bytes(path.read_bytes())
    tables = {name: tmp_path / f"{name}.parquet" for name in ("clips", "crops", "face", "keep_visible", "body")}
    chosen = CUES.body.model_copy(update={"backend": "osx", "osx": settings(checkout)})
    arguments = tables | {"media": tmp_path, "instrument": INSTRUMENT, "models": [weights.parent], "settings": chosen}
    with pytest.raises(UserError, match="the second clip is too much"):
        body(**arguments)
    make_checkout(tmp_path / "osx")
    (tmp_path / "a_000.mp4").unlink()  # the first clip is not looked at again
    body(**arguments)
    rows = read_table(tables["body"], "body")
    assert rows.groupby("clip_id").size().to_dict() == names and rows["valid"].all()


def test_another_program_than_python_is_one_sentence(tmp_path, weights, clip):
    with pytest.raises(UserError, match=r"OSX (stopped with status|answered)"):
        run(make_checkout(tmp_path), weights, clip, python="/bin/true")


def archive(rows, **changes):
    arrays = {name: np.zeros((rows, numbers), np.float32) for name, numbers in OUTPUT.items()}
    file = io.BytesIO()
    np.savez(file, **(arrays | {"joints": np.zeros((rows, 25, 2), np.float32)} | changes))
    return io.BytesIO(file.getvalue())


def test_a_file_of_the_published_output_becomes_features():
    root, expression = np.full((3, 3), 0.5, np.float32), np.full((3, 10), 0.7, np.float32)
    features, joints = read_answer(archive(3, smplx_root_pose=root, smplx_expr=expression), 3)
    assert features.shape == (3, BODY_FEATURES) and joints.shape == (3, 25, 2)
    assert (features[:, :3] == 0.5).all() and features[:, -10:] == pytest.approx(0.7) and not features[:, 3:-10].any()


@pytest.mark.parametrize("file", [
    io.BytesIO(b""), io.BytesIO(b"no archive"), io.BytesIO(archive(2).getvalue()[:200]), archive(3),
    archive(2, joints=np.zeros((2, 25, 3), np.float32)), archive(2, smplx_shape=np.full((2, 10), np.nan)),
    archive(2, smplx_root_pose=np.zeros((2, 3), int)), archive(2, smplx_root_pose=np.array([[{}] * 3] * 2)),
])  # fmt: skip
def test_another_file_is_refused(file):
    with pytest.raises(ValueError, match=r"can't be read|has shape|holds something else"):
        read_answer(file, 2)


def test_a_crop_fills_its_box_of_a_black_square():
    tall, box = square(np.full((200, 100, 3), 255, np.uint8))
    assert box == (0, 0, SIDE // 2, SIDE) and tall.shape == (SIDE, SIDE, 3)
    assert (tall[:, : SIDE // 2] == 255).all() and not tall[:, SIDE // 2 :].any()
    thin, box = square(np.full((2, 2000, 3), 255, np.uint8))
    assert box == (0, 0, SIDE, 2) and (thin[:2] == 255).all()


def test_an_arm_beyond_the_crop_is_unknown_and_the_trunk_stays():
    joints = np.full((2, 25, 2), 5.0)
    joints[0, 11] = [20, 5]  # the right elbow
    inside = joints_inside(joints, np.array([[0, 0, 10, 10]] * 2))
    unknown = np.isnan(visible(np.ones((2, BODY_FEATURES)), inside))
    right = [3 * (SMPLX_JOINTS.index(f"right_{joint}") + 1) for joint in ("shoulder", "elbow", "wrist")]
    assert not unknown[1].any() and unknown[0].sum() == 9 + 45 and unknown[0, right].all()
    assert unknown[0, slice(*SMPLX_BODY.groups["right_hand"])].all() and not unknown[0, :3].any()


def test_the_driver_needs_nothing_of_this_project():
    source = Path(importlib.import_module("nonverbal.cues.osx_driver").__file__).read_text()
    assert "import nonverbal" not in source and "from nonverbal" not in source
    compile(source, "osx_driver", "exec", dont_inherit=True)
