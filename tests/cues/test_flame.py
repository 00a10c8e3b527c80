"""FLAME fitted to landmarks of heads whose parameters are known, on model files of the published form made here."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from published_models import write_embedding, write_flame
from scipy.spatial.transform import Rotation

from nonverbal.avatar.linear_blend import load_flame
from nonverbal.config import SCHEMA, load
from nonverbal.cues import flame
from nonverbal.cues.face import load_face_backend
from nonverbal.cues.face_mesh import POINTS
from nonverbal.cues.fitting import autojacobian
from nonverbal.cues.flame import Flame, FlameLandmarks, face_features, fit_person, load_embedding
from nonverbal.cues.frames import FACE, PERSON
from nonverbal.cues.settings import FlameSettings
from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE
from nonverbal.models import registry
from nonverbal.preflight import preflight

SETTINGS = FlameSettings(
    margin=1.5, least_px=24, noise_mm=2, outlier=3, depth=0.5, change=0.5, shape_frames=24, steps=15,
    least_confidence=0.3,
)  # fmt: skip
FRAMES = 60
PX_PER_M = 900.0


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models with FLAME and its landmarks."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("flame", "flame_landmarks"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        write_flame(folder / "flame" / "generic_model.pkl", patch)
    write_embedding(folder / "flame_landmarks" / "mediapipe_landmark_embedding.npz")
    return folder


@pytest.fixture(scope="module")
def model(models):
    return load_flame(models / "flame" / "generic_model.pkl")


@pytest.fixture(scope="module")
def embedding(models, model):
    return load_embedding(models / "flame_landmarks" / "mediapipe_landmark_embedding.npz", len(model.faces))


@pytest.fixture(scope="module")
def head(model, embedding):
    return FlameLandmarks.of(model, embedding, SETTINGS.depth)


@dataclasses.dataclass
class Truth:
    """A person who turns the head and talks: parameters, and landmarks [N, 105, 3] as pixels of a picture."""

    shape: np.ndarray
    expression: np.ndarray
    turn: np.ndarray
    jaw: np.ndarray
    points: np.ndarray


def slow(rng, numbers, deviation):
    """Random numbers [FRAMES, numbers] that change over half a second."""
    kernel = np.exp(-(np.linspace(-2, 2, 13) ** 2))
    kernel /= np.sqrt((kernel**2).sum())
    noise = rng.normal(size=(FRAMES + 12, numbers))
    return deviation * np.stack([np.convolve(one, kernel, "valid") for one in noise.T], axis=1)


@pytest.fixture(scope="module")
def truth(model, embedding):
    rng = np.random.default_rng(5)
    shape, expression = rng.normal(size=100), slow(rng, 50, 1.0)
    turn, jaw = slow(rng, 3, 0.25), np.column_stack([np.abs(slow(rng, 1, 0.15)), slow(rng, 2, 0.02)])
    return Truth(shape, expression, turn, jaw, picture(model, embedding, shape, expression, turn, jaw))


def picture(model, embedding, shape, expression, turn, jaw):
    """Landmarks in a picture, by the whole mesh: independent of how the fit computes them."""
    rotations = np.zeros((len(turn), 5, 3))
    rotations[:, 0], rotations[:, 2] = turn, jaw
    vertices, _ = model(
        *(torch.from_numpy(one).float() for one in (np.tile(shape, (len(turn), 1)), expression, rotations))
    )
    corners = vertices.numpy()[:, model.faces[embedding.triangles]]
    points = (corners * embedding.places[..., None]).sum(axis=2)
    return (points * np.array([1, -1, -1]) * PX_PER_M + np.array([300, 200, 0])).astype(np.float32)


def degrees_apart(found, wanted):
    return np.degrees((Rotation.from_rotvec(found) * Rotation.from_rotvec(wanted).inv()).magnitude())


def groups(features):
    return {name: features[:, slice(*where)] for name, where in FLAME_FACE.groups.items()}


@pytest.mark.parametrize("name", ["base", "shapes", "expressions", "correctives"])
def test_landmarks_are_those_of_the_whole_mesh(head, model, embedding, truth, name):
    parameters = torch.zeros(FRAMES, flame.FITTED)
    parameters[:, flame.GLOBAL], parameters[:, flame.JAW_TURN] = torch.tensor(truth.turn), torch.tensor(truth.jaw)
    parameters[:, flame.EXPRESSION] = torch.tensor(truth.expression)
    found = head.with_shape(torch.tensor(truth.shape).float()).points(parameters).numpy()
    wanted = (truth.points - [300, 200, 0]) / PX_PER_M * [1, -1, -SETTINGS.depth]
    apart = found - wanted
    assert np.ptp(apart, axis=1).max() < 1e-6  # but for where the root joint is
    without = dataclasses.replace(head, **{name: torch.zeros_like(getattr(head, name))})
    assert np.ptp(without.points(parameters).numpy() - wanted, axis=1).max() > 1e-3  # each part is needed


def test_the_jacobians_are_the_derivatives(head):
    fields = ("base", "shapes", "expressions", "correctives", "shape")
    double = dataclasses.replace(head, **{name: getattr(head, name).double() for name in fields})
    rng = np.random.default_rng(0)
    parameters, shape = torch.from_numpy(rng.normal(0, 0.3, (4, flame.FITTED))), torch.from_numpy(rng.normal(size=100))
    shaped = double.with_shape(shape)
    assert (shaped.jacobian(parameters) - autojacobian(shaped, parameters)).abs().max() < 1e-12
    wanted = torch.autograd.functional.jacobian(lambda at: double.with_shape(at).points(parameters), shape)
    assert (shaped.shape_jacobian(parameters) - wanted).abs().max() < 1e-12


def fit(points, head, run=None):
    fitted = fit_person(points, np.zeros(len(points), int) if run is None else run, head, SETTINGS)
    return fitted, groups(face_features(fitted))


def test_parameters_of_a_known_face_are_found(head, truth):
    fitted, found = fit(truth.points, head)
    assert degrees_apart(found["jaw"], truth.jaw).mean() < 2
    assert degrees_apart(found["global"], truth.turn).mean() < 2
    r = [np.corrcoef(found["expression"][:, i], truth.expression[:, i])[0, 1] for i in range(10)]
    assert np.mean(r) > 0.9 and np.min(r) > 0.8
    assert (found["shape"] == found["shape"][0]).all() and np.corrcoef(found["shape"][0, :20], truth.shape[:20])[
        0, 1
    ] > 0.7
    assert fitted.residual.mean() < 0.5  # of 2 mm


@pytest.mark.parametrize("outliers", [0, 0.1])
def test_noise_and_outliers_cost_little(head, truth, outliers):
    """1.5 mm of noise on every landmark; with every tenth of them 4 cm off, not much more is lost."""
    rng = np.random.default_rng(6)
    points = truth.points + rng.normal(0, 0.0015 * PX_PER_M, truth.points.shape).astype(np.float32)
    wrong = rng.random(points.shape[:2]) < outliers
    points[wrong] += rng.normal(0, 0.04 * PX_PER_M, (wrong.sum(), 3)).astype(np.float32)
    _, found = fit(points, head)
    assert degrees_apart(found["jaw"], truth.jaw).mean() < 2.5
    opened = np.degrees(found["jaw"] - truth.jaw)[:, 0]
    assert np.abs(opened - opened.mean()).mean() < 1.5  # what is the same in all frames may be taken for the shape
    assert degrees_apart(found["global"], truth.turn).mean() < 2
    assert np.mean([np.corrcoef(found["expression"][:, i], truth.expression[:, i])[0, 1] for i in range(10)]) > 0.85


def test_size_and_place_in_the_picture_do_not_matter(head, truth):
    moved = truth.points[:10] * 0.2 + np.array([1500, -20, 3], np.float32)
    (_, near), (_, far) = fit(truth.points[:10], head), fit(moved, head)
    assert np.abs(near["jaw"] - far["jaw"]).max() < 0.01 and np.abs(near["expression"] - far["expression"]).max() < 0.05


def test_a_single_frame_and_missing_landmarks_are_fitted(head, truth):
    points = truth.points[:1].copy()
    points[:, ::3] = np.nan
    fitted, found = fit(points, head)
    assert all(np.isfinite(group).all() for group in found.values())
    assert degrees_apart(found["global"], truth.turn[:1]).max() < 10 and torch.isfinite(fitted.residual).all()


def test_a_face_that_always_smiles_small_is_not_taken_for_a_small_head(head, truth):
    """Weak perspective does not tell size: without a bound, ever smaller heads would make all expressions cheap."""
    size, growth = head.size_change()
    assert size == 0 and growth.abs().max() > 1e-3
    fitted, _ = fit(truth.points, head)
    shaped = head.with_shape(fitted.shape)
    assert abs(shaped.size_change()[0]) < 2 * flame.SIZE_DEVIATION
    across = [points - points.mean(dim=0) for points in (head.rest_points, shaped.rest_points)]
    assert across[1].norm() / across[0].norm() == pytest.approx(1, abs=0.03)


def test_jaws_stay_within_what_joints_allow(head, truth):
    """A face stretched until no jaw explains it."""
    points = truth.points[:10].copy()
    low = head.rest_points[:, 1] < -0.04
    points[:, low.numpy(), 1] += 150
    _, found = fit(points, head)
    assert found["jaw"][:, 0].max() < flame.JAW_HIGH_RAD[0] + 0.3 and np.abs(found["jaw"][:, 1:]).max() < 0.4


@pytest.fixture
def backend(models, model, embedding, truth, monkeypatch):
    """The backend on landmarks that need no video: the true ones, none in frame 7, a collapsed mesh in 11."""

    def clip_points(video, seen, meshes, margin):
        points = np.full((len(seen), POINTS, 3), np.nan, np.float32)
        points[:, embedding.numbers] = truth.points[seen["frame"]]
        points[seen["frame"] == 7] = np.nan
        points[seen["frame"] == 11] = 100
        return points

    monkeypatch.setattr(flame, "clip_points", clip_points)
    return load_face_backend(settings(), models, [models / "flame", models / "flame_landmarks"])


def settings():
    chosen = load(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())).cues.face
    return chosen.model_copy(update={"backend": "flame", "flame": SETTINGS})


def sightings(frames):
    seen = pd.DataFrame({"speaker": frames % 2, "track_id": frames % 2, "frame": frames})
    seen[FACE], seen[PERSON] = np.float32([20, 20, 170, 170]), 0.0
    return seen


def test_frames_without_a_face_are_unknown_and_each_speaker_has_a_shape(backend, truth, tmp_path):
    assert isinstance(backend, Flame)
    seen = sightings(np.arange(40))
    seen.loc[9, FACE] = np.float32([20, 20, 32, 32])
    features, sure = backend(tmp_path / "none.mp4", seen)
    unknown = np.isin(np.arange(40), (7, 9, 11))
    assert np.isnan(features[unknown]).all() and (sure[unknown] == 0).all()
    assert np.isfinite(features[~unknown]).all() and ((sure[~unknown] > 0.7) & (sure[~unknown] <= 1)).all()
    shapes = groups(features)["shape"]
    assert (shapes[0] == shapes[2]).all() and (shapes[0] != shapes[1]).any()
    assert degrees_apart(groups(features)["jaw"][~unknown], truth.jaw[:40][~unknown]).mean() < 3


def test_nothing_seen_is_nothing_known(backend, tmp_path):
    features, sure = backend(tmp_path / "none.mp4", sightings(np.array([7])))
    assert np.isnan(features).all() and (sure == 0).all()


def test_a_profile_and_a_misfit_are_unsure(head):
    parameters = torch.zeros(3, flame.FITTED)
    parameters[1, flame.GLOBAL.start + 1] = np.pi / 2
    sure = flame.confidence(flame.FittedPerson(parameters, torch.tensor([0.8, 0.8, 4.0]), torch.zeros(100)))
    assert sure == pytest.approx([1, 0, 0.25], abs=1e-6)


def test_preflight_asks_for_both_files_before_the_first_job(tmp_path):
    config = load(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text()))
    cues = config.cues.model_copy(update={"face": settings()})
    config = config.model_copy(update={"models": str(tmp_path), "cues": cues})
    for name in ("flame", "flame_landmarks"):
        file = registry()[name].file
        with pytest.raises(UserError, match=rf"the model {name}, .*https://flame\.is\.tue\.mpg\.de and put {file} at"):
            preflight(config, rules={"face"}, environments=True)
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    preflight(config, rules={"face"}, environments=True)


@pytest.mark.parametrize("missing", ["flame", "flame_landmarks"])
def test_without_the_licensed_files_one_sentence_says_where_to_register(models, tmp_path, missing):
    folders = [(tmp_path if name == missing else models) / name for name in settings().models]
    with pytest.raises(
        UserError, match=rf"cues\.face\.backend .*https://flame\.is\.tue\.mpg\.de .*put {registry()[missing].file} at"
    ):
        load_face_backend(settings(), tmp_path, folders)


@pytest.mark.parametrize(
    "changes",
    [{"landmark_indices": np.full(105, 478)}, {"lmk_face_idx": np.full(105, 9976)}, {"lmk_b_coords": np.ones((51, 3))}],
)
def test_an_embedding_of_another_mesh_is_refused(models, tmp_path, changes):
    path = models / "flame_landmarks" / "mediapipe_landmark_embedding.npz"
    np.savez(tmp_path / "e.npz", **(dict(np.load(path)) | changes))
    with pytest.raises(
        UserError, match=r"e\.npz does not fit FLAME's mesh of 198 triangles and mediapipe's 478 landmarks"
    ):
        load_embedding(tmp_path / "e.npz", 198)
