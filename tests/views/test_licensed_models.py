"""FLAME and SMPL-X from small files of the published formats."""

from dataclasses import replace

import numpy as np
import pytest
from published_models import smplx_arrays, write_flame

from nonverbal.avatar.skeleton import JOINTS
from nonverbal.views.figure import HELD, Figures, Screen, on_joints
from nonverbal.views.found import find
from nonverbal.views.motion import motions_of

SIZES = (80, 96), (64, 64)


@pytest.fixture
def models(tmp_path, monkeypatch):
    for name in ("flame", "smplx"):
        (tmp_path / name).mkdir()
    write_flame(tmp_path / "flame" / "generic_model.pkl", monkeypatch)
    np.savez(tmp_path / "smplx" / "SMPLX_NEUTRAL.npz", **smplx_arrays())
    return tmp_path


@pytest.fixture
def flame_motion(complete):
    """A face of FLAME's numbers: all known, also the shape."""
    (motion,) = motions_of(find(complete, "v_000"), 0)
    return replace(motion, face=np.zeros_like(motion.face), face_known=np.ones_like(motion.face_known))


def test_the_models_that_the_user_has_are_shown_and_named(models, flame_motion):
    screen = Screen(Figures(models), flame_motion)
    assert screen.caption == "SMPL-X + FLAME"
    body, face = screen.draw(0, *SIZES)
    assert body.shape == (96, 80, 3) and face.shape == (64, 64, 3)
    moved = replace(flame_motion, body=np.zeros_like(flame_motion.body))
    assert not np.array_equal(Screen(Figures(models), moved).vertices, screen.vertices)


def test_flames_face_is_not_shown_on_another_model(figures, flame_motion):
    screen = Screen(figures, flame_motion)
    assert screen.caption == "Anny (open stand-in), FLAME face not shown"
    assert not screen.known(5)["face"] and flame_motion.known["face"][5]


def test_smplx_goes_grey_where_a_part_is_not_known(models):
    body = Figures(models).body
    vertices = np.zeros((len(body.mesh.colours), 3), np.float32)
    everything = dict.fromkeys([*body.shares, "face"], True)
    grey = body.surface(vertices, everything | {"left arm": False}).mesh.colours
    share = body.shares["left arm"][:, None]
    assert np.allclose(grey, body.mesh.colours + share * (HELD - body.mesh.colours), atol=1e-5) and share.max() > 0


def test_smplx_weights_of_jaw_and_eyes_are_the_heads():
    weights = np.eye(55)
    found = on_joints(weights)
    assert found.shape == (55, len(JOINTS)) and np.allclose(found.sum(axis=1), 1)
    assert set(np.flatnonzero(found[:, JOINTS.index("head")])) == {15, 22, 23, 24}
    assert found[25, JOINTS.index("left_index1")] == 1 == found[54, JOINTS.index("right_thumb3")]
