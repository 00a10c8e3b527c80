"""FLAME's and SMPL-X's files as published: read, refused when they are something else, and posed as defined."""

import numpy as np
import pytest
import torch
from published_models import SMPLX_PARENTS, flame_arrays, smplx_arrays, write_flame
from scipy.spatial.transform import Rotation

from nonverbal.avatar.linear_blend import load_flame, load_mean_hands, load_smplx
from nonverbal.avatar.surfaces import FlameHead, SmplxBody, features_of, has_model, load_surface
from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models with both."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("flame", "smplx"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        write_flame(folder / "flame" / "generic_model.pkl", patch)
    np.savez(folder / "smplx" / "SMPLX_NEUTRAL.npz", **smplx_arrays())
    return folder


def posed(arrays, parents, shape, expression, rotations):
    """The models' definition, a vertex and a joint at a time: what the papers write, in NumPy."""
    coefficients = np.zeros(arrays["shapedirs"].shape[2])
    coefficients[: len(shape)], coefficients[300 : 300 + len(expression)] = shape, expression
    shaped = arrays["v_template"] + arrays["shapedirs"] @ coefficients
    rest = arrays["J_regressor"] @ shaped
    turns = Rotation.from_rotvec(rotations).as_matrix()
    bent = shaped + arrays["posedirs"] @ (turns[1:] - np.eye(3)).ravel()
    world = []
    for joint, turn in enumerate(turns):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = turn, rest[joint]
        if joint:
            local[:3, 3] -= rest[parents[joint]]
            local = world[parents[joint]] @ local
        world.append(local)
    for joint, matrix in enumerate(world):
        matrix[:3, 3] -= matrix[:3, :3] @ rest[joint]
    blended = np.einsum("vj,jab->vab", arrays["weights"], np.stack(world))
    return np.einsum("vab,vb->va", blended[:, :3, :3], bent) + blended[:, :3, 3]


def test_flame_moves_as_defined(models):
    rng, model = np.random.default_rng(1), load_flame(models / "flame" / "generic_model.pkl")
    assert (len(model.shapes), len(model.expressions), model.parents) == (300, 100, (-1, 0, 1, 1, 1))
    shape, expression, rotations = rng.normal(size=(2, 100)), rng.normal(size=(2, 50)), rng.normal(0, 0.4, (2, 5, 3))
    found, _ = model(*(torch.from_numpy(one).float() for one in (shape, expression, rotations)))
    for i in range(2):
        wanted = posed(flame_arrays(), model.parents, shape[i], expression[i], rotations[i])
        assert np.abs(found[i].numpy() - wanted).max() < 1e-6


def test_smplx_moves_as_defined(models):
    rng, model = np.random.default_rng(2), load_smplx(models / "smplx" / "SMPLX_NEUTRAL.npz")
    assert model.parents == (-1, *SMPLX_PARENTS[1:])
    features = rng.normal(0, 0.3, (1, SMPLX_BODY.features)).astype(np.float32)
    still = np.zeros((2, 3))
    rotations = np.concatenate([features[0, :66].reshape(-1, 3), features[0, 156:159].reshape(1, 3), still,
                                features[0, 66:156].reshape(-1, 3)])  # fmt: skip
    wanted = posed(smplx_arrays(), SMPLX_PARENTS, features[0, 159:169], features[0, 169:179], rotations)
    found = SmplxBody(model).vertices(features)[0]
    apart = found - wanted
    assert np.abs(apart - apart.mean(axis=0)).max() < 1e-5  # the root joint is at the origin


def test_a_flame_face_is_the_same_from_features_and_from_training_vectors(models):
    surface, rng = load_surface(FLAME_FACE, models), np.random.default_rng(3)
    assert isinstance(surface, FlameHead) and surface.label == "FLAME" and surface.faces.max() < 120
    trained = rng.normal(0, 0.2, (70, FLAME_FACE.dim)).astype(np.float32)
    vertices = surface.vertices(features_of(trained, FLAME_FACE))  # shape and head's rotation are unknown: at rest
    rotations = np.zeros((5, 3))
    rotations[2] = trained[69, 50:]
    wanted = posed(flame_arrays(), surface.model.parents, [], trained[69, :50], rotations)
    assert vertices.shape == (70, 120, 3) and np.abs(vertices[69] - wanted).max() < 1e-6


def test_a_licensed_file_of_another_name_is_told_not_replaced(tmp_path):
    (tmp_path / "smplx").mkdir()
    (tmp_path / "smplx" / "SMPLX_MALE.npz").touch()
    with pytest.raises(UserError, match=r"put SMPLX_NEUTRAL\.npz at .*smplx/SMPLX_NEUTRAL\.npz"):
        load_surface(SMPLX_BODY, tmp_path)


def test_the_open_models_stand_in_and_say_so(tmp_path):
    face, body = load_surface(OPEN_FACE, tmp_path), load_surface(SMPLX_BODY, tmp_path)
    assert face.label == body.label == "Anny (open stand-in)" and not has_model(tmp_path, "smplx")
    actions = np.zeros((3, OPEN_FACE.features), np.float32)
    actions[1, 53], actions[2, 51] = 1, 0.5  # the jaw opens; the head turns
    at_rest, opened, turned = face.vertices(actions)
    assert face.faces.max() < len(at_rest) and np.abs(opened - at_rest).max() > 0.01
    assert turned[:, 0].mean() > at_rest[:, 0].mean() + 0.01  # to the person's left
    assert body.vertices(np.full((1, SMPLX_BODY.features), np.nan)).shape == (1, body.faces.max() + 1, 3)


def test_flame_features_without_flame_say_where_to_register(tmp_path):
    with pytest.raises(
        UserError, match=r"https://flame\.is\.tue\.mpg\.de and put generic_model\.pkl at .*flame2023\.pkl"
    ):
        load_surface(FLAME_FACE, tmp_path)


def test_mean_hands_are_what_features_are_added_to(models):
    path = models / "smplx" / "SMPLX_NEUTRAL.npz"
    hands, model = load_mean_hands(path), load_smplx(path)
    features = np.zeros((1, SMPLX_BODY.features), np.float32)
    with_mean = load_surface(SMPLX_BODY, models, mean_hands=True).vertices(features)
    features[0, 66:156] = hands.numpy().ravel()
    assert np.abs(with_mean - SmplxBody(model).vertices(features)).max() < 1e-6


def test_smplx_is_read_from_its_pickle_and_with_few_directions(tmp_path, monkeypatch):
    from published_models import dump_python2

    few = smplx_arrays(directions=20)
    dump_python2(few | {"joint2num": np.array({"pelvis": 0}, dtype=object)}, tmp_path / "m.pkl", monkeypatch)
    model = load_smplx(tmp_path / "m.pkl")
    assert (len(model.shapes), len(model.expressions)) == (10, 10)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"weights": np.ones((120, 24))}, "its weights is 120 x 24, not 120 x 5"),
        ({"v_template": np.ones((9, 3))}, "its shapedirs is 120 x 3 x 400, not 9 x 3 x 400"),
        ({"v_template": np.ones(())}, "its v_template is one number"),
        ({"shapedirs": np.ones((120, 3, 20))}, "it has 20 directions of shape and expression, not 400"),
        ({"f": np.full((4, 3), 120)}, "name what is not there"),
        ({"kintree_table": np.array([[0, 0, 3, 1, 1], range(5)])}, "name what is not there"),
        ({"posedirs": np.full((120, 3, 36), np.nan)}, "numbers that are not finite"),
    ],
)
def test_another_model_is_refused_in_one_sentence(tmp_path, monkeypatch, changes, why):
    write_flame(tmp_path / "m.pkl", monkeypatch, **changes)
    with pytest.raises(
        UserError, match=rf"m\.pkl is not FLAME's model: .*{why}.*; put the file there as it was published"
    ):
        load_flame(tmp_path / "m.pkl")


def test_one_model_is_not_taken_for_the_other(models):
    with pytest.raises(UserError, match="is not SMPL-X's model: its posedirs is 120 x 3 x 36, not 120 x 3 x 486"):
        load_smplx(models / "flame" / "generic_model.pkl")
