"""Facial actions from face-mesh points: bounded least squares against how the mesh is known to answer each action.

A landmark network does not move its points as far as the surface moves (for jawOpen about two thirds), and shifts them
when the head turns. Both were measured once on rendered heads (`open_face_instrument`) and are undone here.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from nonverbal.cues.settings import OpenFaceSettings
from nonverbal.layouts import FACE_FEATURES, OPEN_FACE, OPEN_FACE_ACTIONS, OPEN_JAW_ACTIONS

INSTRUMENT = Path(__file__).resolve().parents[2] / "resources" / "open_face_instrument.npz"
ACTIONS = OPEN_FACE_ACTIONS + OPEN_JAW_ACTIONS
JAW_SIDE = ACTIONS.index("jawSide")  # the one action with two directions: -1..1
ONE_SIDED = np.arange(len(ACTIONS)) != JAW_SIDE
LOWEST, HIGHEST = np.where(ONE_SIDED, 0.0, -1.0), np.ones(len(ACTIONS))
TO_AXES = np.array([1, -1, -1], np.float32)  # pixels (right, down, away) -> the person's (left, up, forward)
STEPS = 200  # of the solver; the residual no longer changes in the 4th digit
STILL_MM = 1.5  # points that move less than this under every action hold the head's pose
SEEN_MM = 0.8  # an action that moves no point this far (tongueOut, cheekSquint) does not show in the mesh


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
    def gain(self) -> np.ndarray:
        """Noise-whitened transpose of the response: points [1434] @ gain = evidence for the actions, [1434, 51]."""
        response, nuisance = self.response.reshape(len(ACTIONS), -1), self.nuisance.reshape(len(self.nuisance), -1)
        inner = np.linalg.inv(np.eye(len(nuisance)) + nuisance @ nuisance.T / self.noise)
        return ((response - response @ nuisance.T @ inner @ nuisance / self.noise) / self.noise).T

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


def bounded_ridge(normal: np.ndarray, evidence: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Minimise x normal x / 2 - evidence x within bounds, row by row (FISTA, Beck and Teboulle 2009).

    Args:
        normal: positive definite, [K, K].
        evidence: [N, K].
        low, high: bounds, [K].

    Returns:
        [N, K].
    """
    step, momentum = 1 / np.linalg.eigvalsh(normal)[-1], 1.0
    best = ahead = np.clip(np.zeros_like(evidence), low, high)
    for _ in range(STEPS):
        new = np.clip(ahead - step * (ahead @ normal - evidence), low, high)
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, best, momentum = new + (momentum - 1) / faster * (new - best), new, faster
    return best


class Fitted(NamedTuple):
    """Actions [N, 51], head rotations [N, 3, 3] and root mean square residual [N] mm of one person's frames."""

    actions: np.ndarray
    rotations: np.ndarray
    residual: np.ndarray


def fit_person(points: np.ndarray, settings: OpenFaceSettings, instrument: Instrument) -> Fitted:
    """Facial actions and head rotation of one person's frames.

    The resting face is the person's own: a first fit about the median face may go below zero, and the `rest` quantile
    of each action over all frames is then taken as its zero.

    Args:
        points: face-mesh points, [N, 478, 3] pixels, all finite.
        settings: of the fit.
        instrument: how the mesh answers.
    """
    upright = points.astype(np.float64) * TO_AXES
    _, aligned = align(upright, instrument.reference, instrument.stillness)
    rotations, aligned = align(upright, np.median(aligned, axis=0), instrument.stillness)
    shifts = (aligned - np.median(aligned, axis=0)).reshape(len(points), -1)
    response = instrument.response.reshape(len(ACTIONS), -1)
    normal = response @ instrument.gain + settings.ridge * np.eye(len(ACTIONS))
    signed = bounded_ridge(normal, shifts @ instrument.gain, -HIGHEST, HIGHEST)
    shifts -= np.where(ONE_SIDED, np.quantile(signed, settings.rest, axis=0), np.median(signed, axis=0)) @ response
    actions = bounded_ridge(normal, shifts @ instrument.gain - settings.sparsity * ONE_SIDED, LOWEST, HIGHEST)
    residual = np.sqrt(np.mean((shifts - actions @ response) ** 2, axis=1))
    return Fitted(actions, rotations, residual)


def face_features(fitted: Fitted, instrument: Instrument) -> np.ndarray:
    """Face features [N, 156] of the layout OPEN_FACE; actions that the mesh can't show, and the shape, are NaN."""
    features = np.full((len(fitted.actions), FACE_FEATURES), np.nan)
    actions = np.where(instrument.observable, fitted.actions, np.nan)
    features[:, slice(*OPEN_FACE.groups["expression"])] = actions[:, : len(OPEN_FACE_ACTIONS)]
    features[:, slice(*OPEN_FACE.groups["jaw"])] = actions[:, len(OPEN_FACE_ACTIONS) :]
    features[:, slice(*OPEN_FACE.groups["global"])] = Rotation.from_matrix(fitted.rotations).as_rotvec()
    return features


def confidence(fitted: Fitted, instrument: Instrument) -> np.ndarray:
    """How well the fit explains the mesh, [N]: residual usual on rendered heads over this frame's, at most 1."""
    return np.minimum(1, instrument.residual / np.maximum(fitted.residual, 1e-6))
