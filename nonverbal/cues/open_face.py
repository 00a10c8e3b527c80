"""Facial actions from face-mesh points: the engine's fit of a head whose mesh answers as it is known to.

A landmark network does not move its points as far as the surface moves (for jawOpen about two thirds), and shifts them
when the head turns. Both were measured once on rendered heads (`open_face_instrument`) and are undone here.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import roma
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from nonverbal.cues.face_mesh import TO_AXES
from nonverbal.cues.fitting import Landmarks, Prior, fit
from nonverbal.cues.settings import OpenFaceSettings
from nonverbal.layouts import FACE_FEATURES, OPEN_FACE, OPEN_FACE_ACTIONS, OPEN_JAW_ACTIONS

INSTRUMENT = Path(__file__).resolve().parents[2] / "resources" / "open_face_instrument.npz"
ACTIONS = OPEN_FACE_ACTIONS + OPEN_JAW_ACTIONS
JAW_SIDE = ACTIONS.index("jawSide")  # the one action with two directions: -1..1
ONE_SIDED = np.arange(len(ACTIONS)) != JAW_SIDE
LOWEST, HIGHEST = np.where(ONE_SIDED, 0.0, -1.0), np.ones(len(ACTIONS))
STILL_MM = 1.5  # points that move less than this under every action hold the head's pose
SEEN_MM = 0.8  # an action that moves no point this far (tongueOut, cheekSquint) does not show in the mesh
POSE = 7  # parameters before the actions: rotation, translation, log scale
FREE = 1e-8  # precision of what is not known beforehand
EVERY = 4  # points that are fitted: neighbours say much the same
STEPS, OUTLIER = 4, 8.0  # of the engine
MEDIAN_FRAMES = 2000
ROUNDS = 2  # of resting face and actions
# How calm an action is, 1 / variance of its change from frame to frame, by the start of its name: a blink is over in
# 0.2 s, a jaw follows speech, brows and mouth corners take their time.
CALM = {
    "brow": 500.0, "eyeLook": 300.0, "eye": 10.0, "jaw": 30.0, "mouthSmile": 2000.0, "mouthFrown": 2000.0,
    "mouthDimple": 2000.0, "cheek": 2000.0, "nose": 2000.0, "mouth": 100.0, "tongue": 100.0,
}  # fmt: skip
CALM_NUISANCE = 10.0
BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")  # one muscle lifts them
GOOD = 0.4  # residual, over the instrument's, of a head that faces the camera


@dataclass(frozen=True)
class Instrument:
    """How mediapipe's face mesh answers to a head: everything in mm, head upright, axes x left, y up, z forward.

    Args:
        reference: mesh points of a resting face, [478, 3].
        response: shift of the points at full strength of each action, [51, 478, 3].
        nuisance: shifts that have other causes (head pose, identity, interplay), one standard deviation, [K, 478, 3].
        noise: variance of what is left, mm^2.
        residual: usual root mean square of what the actions do not explain, mm.
        made: what it was made with.
    """

    reference: np.ndarray
    response: np.ndarray
    nuisance: np.ndarray
    noise: float
    residual: float
    made: dict[str, object]

    @cached_property
    def stillness(self) -> np.ndarray:
        """Weight of each point in finding the head's pose, [478]; irises have none."""
        return stillness(self.response)

    @cached_property
    def observable(self) -> np.ndarray:
        """Which actions show in the mesh, bool [51]; the others are unknown."""
        return np.linalg.norm(self.response, axis=-1).max(axis=1) > SEEN_MM

    def save(self, path: Path) -> None:
        """Write as a compressed NumPy archive, half precision."""
        arrays = {name: getattr(self, name).astype(np.float16) for name in ("reference", "response", "nuisance")}
        np.savez_compressed(
            path, **arrays, noise=self.noise, residual=self.residual, made=json.dumps(self.made, sort_keys=True)
        )


def load_instrument(path: Path = INSTRUMENT) -> Instrument:
    """Read what `Instrument.save` wrote; by default the instrument that comes with the project."""
    with np.load(path, allow_pickle=False) as archive:
        reference, response, nuisance = (
            archive[name].astype(np.float64) for name in ("reference", "response", "nuisance")
        )
        noise, residual, made = float(archive["noise"]), float(archive["residual"]), json.loads(str(archive["made"]))
    return Instrument(reference, response, nuisance, noise, residual, made)


def stillness(response: np.ndarray) -> np.ndarray:
    """Weights [478] that fall with the farthest shift of a point under any action."""
    weights = 1 / (1 + (np.linalg.norm(response, axis=-1).max(axis=0) / STILL_MM) ** 2)
    weights[468:] = 0
    return weights


def align(points: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotate, scale and shift points onto a target by weighted least squares (Umeyama 1991).

    Args:
        points: [N, P, 3].
        target: [P, 3].
        weights: [P].

    Returns:
        Rotations that turn the target's frame to the points', [N, 3, 3], and the aligned points [N, P, 3].
    """
    weights = weights / weights.sum()
    centred = points - (weights[:, None] * points).sum(axis=1, keepdims=True)
    middle = (weights[:, None] * target).sum(axis=0)
    covariance = np.einsum("npi,p,pj->nij", centred, weights, target - middle)
    left, sizes, right = np.linalg.svd(covariance)
    mirrored = np.linalg.det(left @ right) < 0
    left[mirrored, :, 2] *= -1
    sizes[mirrored, 2] *= -1
    rotations = left @ right
    scale = sizes.sum(axis=1) / np.einsum("npi,p->n", centred**2, weights)
    return rotations, scale[:, None, None] * (centred @ rotations) + middle


class FaceModel:
    """A head of one person: rotation (3), translation (3), log scale (1), actions (51), nuisances; see `Instrument`.

    Args:
        neutral: points of the person's face at rest, [P, 3] mm.
        shifts: of the points with full strength of each action and nuisance, [K - 7, P, 3] mm.
    """

    rotations: tuple[int, ...] = (0,)

    def __init__(self, neutral: Tensor, shifts: Tensor) -> None:
        self.neutral, self.shifts = neutral, shifts

    def shape(self, parameters: Tensor) -> Tensor:
        """Points in head axes, [T, P, 3] mm."""
        return self.neutral + (parameters[:, POSE:] @ self.shifts.flatten(1)).unflatten(1, (-1, 3))

    def points(self, parameters: Tensor) -> Tensor:
        """Points in pixels, axes x left, y up, z forward, [T, P, 3]."""
        return self.shape(parameters) @ _turned(parameters).mT + parameters[:, None, 3:6]

    def jacobian(self, parameters: Tensor) -> Tensor:
        """Change of the points with a step, [T, P, 3, K]."""
        shape = self.shape(parameters)
        inside = shape.new_empty(*shape.shape, parameters.shape[1] - 3)
        axes = torch.eye(3, dtype=shape.dtype)
        beside = shape[:, :, None].expand(-1, -1, 3, -1)
        inside[..., :3] = torch.linalg.cross(axes.expand_as(beside), beside).mT
        inside[..., 3], inside[..., 4:] = shape, self.shifts.permute(1, 2, 0)
        moved = _turned(parameters)[:, None] @ inside
        return torch.cat([moved[..., :3], axes.expand(*shape.shape, 3), moved[..., 3:]], dim=-1)


def _turned(parameters: Tensor) -> Tensor:
    return parameters[:, 6].exp()[:, None, None] * roma.rotvec_to_rotmat(parameters[:, :3])


class Fitted(NamedTuple):
    """What was fitted to N frames of one person.

    Args:
        parameters: of the `FaceModel`, [N, K].
        neutral: the person's face at rest, [478, 3] mm.
        residual: root mean square distance of the mesh from the model, [N] mm.
    """

    parameters: np.ndarray
    neutral: np.ndarray
    residual: np.ndarray

    @property
    def actions(self) -> np.ndarray:
        """[N, 51]."""
        return self.parameters[:, POSE : POSE + len(ACTIONS)]

    @property
    def rotations(self) -> np.ndarray:
        """Of the head, [N, 3, 3]."""
        return Rotation.from_rotvec(self.parameters[:, :3]).as_matrix()


def fit_person(points: np.ndarray, runs: np.ndarray, settings: OpenFaceSettings, instrument: Instrument) -> Fitted:
    """Facial actions and head of one person's frames.

    Resting face and actions are found in turns: about the median face actions may go below zero; the `rest` quantile
    of each over all frames is then taken as its zero.

    Args:
        points: face-mesh points, [N, 478, 3] pixels, all finite.
        runs: number of the unbroken run that each frame belongs to, [N]; frames of a run in order.
        settings: of the fit.
        instrument: how the mesh answers.
    """
    upright = points.astype(np.float64) * TO_AXES
    neutral = resting(upright, instrument)
    for number in range(ROUNDS):
        fitted = _fit(upright, runs, neutral, settings, instrument, signed=number < ROUNDS - 1)
        if number < ROUNDS - 1:
            low, middle = np.quantile(fitted.actions, (settings.rest, 0.5), axis=0)
            zero = np.where(ONE_SIDED, low, middle)
            neutral = neutral + np.tensordot(zero, instrument.response, 1)
    return fitted


def resting(upright: np.ndarray, instrument: Instrument) -> np.ndarray:
    """The median face of frames [N, 478, 3], at most about MEDIAN_FRAMES of them, in mm and head axes, [478, 3]."""
    upright = upright[:: -(-len(upright) // MEDIAN_FRAMES)]
    _, aligned = align(upright, instrument.reference, instrument.stillness)
    _, aligned = align(upright, np.median(aligned, axis=0), instrument.stillness)
    return np.median(aligned, axis=0)


def _fit(
    upright: np.ndarray,
    runs: np.ndarray,
    neutral: np.ndarray,
    settings: OpenFaceSettings,
    instrument: Instrument,
    signed: bool,
) -> Fitted:
    """The engine's fit to points [N, 478, 3]; signed: actions may go below zero."""
    shifts = np.concatenate([instrument.response, instrument.nuisance])
    start = np.zeros((len(upright), POSE + len(shifts)))
    start[:, :POSE] = _pose(upright, neutral, instrument.stillness)
    scale = np.exp(start[:, 6])
    model = FaceModel(_tensor(neutral[::EVERY]), _tensor(shifts[:, ::EVERY]))
    precision = np.repeat(1 / (instrument.noise * scale[:, None] ** 2), len(model.neutral), axis=1)
    landmarks = Landmarks(_tensor(upright[:, ::EVERY]), _tensor(precision))
    prior = face_prior(settings, len(instrument.nuisance), signed)
    found = fit(model, landmarks, prior, _tensor(start), torch.from_numpy(runs), STEPS, OUTLIER)
    return Fitted(
        found.parameters.double().numpy(), neutral, found.residual.double().numpy() * np.sqrt(instrument.noise)
    )


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _pose(points: np.ndarray, neutral: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rotation vector, translation and log scale [N, 7] that bring a face at rest to points [N, P, 3]."""
    rotations, _ = align(points, neutral, weights)
    weights = weights / weights.sum()
    middle, centre = weights @ neutral, np.einsum("p,npi->ni", weights, points)
    turned = np.einsum("nij,pj->npi", rotations, neutral - middle)
    scale = np.einsum("p,npi,npi->n", weights, points - centre[:, None], turned)
    scale /= (weights[:, None] * (neutral - middle) ** 2).sum()
    shift = centre - scale[:, None] * (rotations @ middle)
    return np.concatenate([Rotation.from_matrix(rotations).as_rotvec(), shift, np.log(scale)[:, None]], axis=1)


def face_prior(settings: OpenFaceSettings, nuisances: int, signed: bool) -> Prior:
    """What is known of the parameters of a `FaceModel`: nothing of the pose, the actions small, alike on both sides.

    Args:
        settings: of the fit.
        nuisances: how many; of unit variance.
        signed: actions may go below zero, and need no evidence to leave it.
    """
    count, first = POSE + len(ACTIONS) + nuisances, slice(POSE, POSE + len(ACTIONS))
    own = settings.ridge * np.eye(len(ACTIONS))
    for one, other in _twins():
        pair = np.ix_([one, other], [one, other])
        own[pair] += settings.symmetry * np.array([[1, -1], [-1, 1]])
    precision, mean = np.diag(np.r_[np.full(POSE, FREE), np.ones(count - POSE)]), np.zeros(count)
    precision[first, first] = own
    if not signed:
        mean[first] = np.linalg.solve(own, -settings.sparsity * ONE_SIDED)
    calm = [next(value for start, value in CALM.items() if name.startswith(start)) for name in ACTIONS]
    smooth = np.r_[np.zeros(POSE), calm, np.full(nuisances, CALM_NUISANCE)]
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    low[first], high[first] = -HIGHEST if signed else LOWEST, HIGHEST
    return Prior(*(_tensor(array) for array in (mean, precision, smooth, low, high)))


def _twins() -> list[tuple[int, int]]:
    """Pairs of actions that mostly go together: both sides of a face, but for where it looks; the parts of a brow."""
    sides = [name.removesuffix("Left") for name in ACTIONS if name.endswith("Left") and not name.startswith("eyeLook")]
    names = [(f"{name}Left", f"{name}Right") for name in sides if f"{name}Right" in ACTIONS]
    names += [(BROWS[0], outer) for outer in BROWS[1:]]
    return [(ACTIONS.index(one), ACTIONS.index(other)) for one, other in names]


def face_features(fitted: Fitted, instrument: Instrument) -> np.ndarray:
    """Face features [N, 156] of the layout OPEN_FACE; actions that the mesh can't show, and the shape, are NaN."""
    features = np.full((len(fitted.actions), FACE_FEATURES), np.nan)
    actions = np.where(instrument.observable, fitted.actions, np.nan)
    features[:, slice(*OPEN_FACE.groups["expression"])] = actions[:, : len(OPEN_FACE_ACTIONS)]
    features[:, slice(*OPEN_FACE.groups["jaw"])] = actions[:, len(OPEN_FACE_ACTIONS) :]
    features[:, slice(*OPEN_FACE.groups["global"])] = Rotation.from_matrix(fitted.rotations).as_rotvec()
    return features


def confidence(fitted: Fitted, instrument: Instrument) -> np.ndarray:
    """How far a frame is to be trusted, [N] in 0..1.

    The residual of heads that face the camera over this frame's, times the cosine of the turn away from the camera: on
    rendered heads both fall before the mesh of a profile goes astray.
    """
    away = np.clip(fitted.rotations[:, 2, 2], 0, 1)
    usual = GOOD * instrument.residual
    return np.maximum(away * np.minimum(1, usual / np.maximum(fitted.residual, 1e-6)), 1e-3)


def reproject(fitted: Fitted, instrument: Instrument) -> np.ndarray:
    """The fitted face's points in the picture, [N, 478, 2] pixels."""
    shifts = np.concatenate([instrument.response, instrument.nuisance])
    model = FaceModel(_tensor(fitted.neutral), _tensor(shifts))
    return (model.points(_tensor(fitted.parameters)).numpy() * TO_AXES)[..., :2]
