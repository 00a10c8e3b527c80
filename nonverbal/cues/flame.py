"""FLAME (Li et al. 2017), for who has its file, fitted to mediapipe's landmarks: expression, head, jaw and shape.

Camera: weak perspective, in units of a person's usual face. A person has one shape, found with all frames' expressions
together; then each frame's pose and expression are fitted with that shape.
"""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import roma
import torch
from torch import Tensor

from nonverbal.arrays import load_arrays
from nonverbal.avatar.linear_blend import FLAME_JOINTS, LinearBlend, load_flame
from nonverbal.cues.face_mesh import POINTS, TO_AXES, clip_points, new_mesh
from nonverbal.cues.fitting import Landmarks, Prior, fit
from nonverbal.cues.frames import FACE, Trackers, speakers
from nonverbal.cues.settings import FlameSettings
from nonverbal.errors import UserError
from nonverbal.layouts import FACE_FEATURES, FLAME_FACE

ROOT, JAW = FLAME_JOINTS.index("root"), FLAME_JOINTS.index("jaw")
EXPRESSIONS, SHAPES = (FLAME_FACE.groups[name][1] - FLAME_FACE.groups[name][0] for name in ("expression", "shape"))
# What is fitted to a frame, in order.
TRANSLATION, LOG_SCALE, GLOBAL, JAW_TURN = slice(0, 3), slice(3, 4), slice(4, 7), slice(7, 10)
EXPRESSION = slice(10, 10 + EXPRESSIONS)
FITTED = EXPRESSION.stop
UNIT_M = 0.1  # of a face: lengths are fitted in units of so much of the person's usual face
# Rotation vectors of the jaw, radians: opens about x, goes to the side about y and hardly turns about z.
JAW_RAD, JAW_LOW_RAD, JAW_HIGH_RAD = (0.5, 0.06, 0.03), (-0.05, -0.2, -0.1), (0.6, 0.2, 0.1)
# Standard deviations of the change from frame to frame.
JAW_CHANGE_RAD, HEAD_CHANGE_RAD, LOG_SCALE_CHANGE, MOVE_CHANGE = 0.05, 0.05, 0.02, 0.1
SIZE_DEVIATION = 0.01  # of the face's size: a picture does not tell it, and a small head makes all expressions cheap
EVIDENCE_FRAMES = 16  # that a person's frames count at most for the shape: the mesh errs alike in all of them
ROUNDS, FOLLOWING = 4, 5  # of shape in turn with the frames, and the steps by which these follow it


class Embedding(NamedTuple):
    """Where landmarks lie on the mesh: their numbers among mediapipe's [P], triangle [P] and place in it [P, 3]."""

    numbers: np.ndarray
    triangles: np.ndarray
    places: np.ndarray


def load_embedding(path: Path, triangles: int) -> Embedding:
    """The published landmark embedding, `mediapipe_landmark_embedding.npz`.

    Args:
        path: of the file.
        triangles: of the mesh that it is for.

    Raises:
        UserError: it is no such file, or is for another mesh.
    """
    arrays = load_arrays(path, ("landmark_indices", "lmk_face_idx", "lmk_b_coords"))
    numbers, faces = (arrays[name].astype(np.int64).ravel() for name in ("landmark_indices", "lmk_face_idx"))
    places = arrays["lmk_b_coords"].astype(np.float32)
    fits = len(numbers) == len(faces) and places.shape == (len(faces), 3) and len(numbers) > 0
    if not fits or not ((numbers >= 0) & (numbers < POINTS)).all() or not ((faces >= 0) & (faces < triangles)).all():
        raise UserError(
            f"{path} does not fit FLAME's mesh of {triangles} triangles and mediapipe's {POINTS} landmarks; put the "
            "MediaPipe landmark embedding of FLAME's downloads there"
        )
    return Embedding(numbers, faces, places)


@dataclasses.dataclass
class FlameLandmarks:
    """The landmarks of a head with one shape, as `fitting.Model`.

    With the neck and the eyes at rest, each landmark is still + R_jaw moved: what stays with the skull and what the jaw
    takes along, each linear in shape, expression and in the numbers of R_jaw - 1.

    Args:
        base: landmarks of the mean face, [6, P]: still and moved, relative to root and jaw joint.
        shapes, expressions, correctives: how they change, [S, 6, P], [E, 6, P], [9, 6, P].
        shape: [S].
        depth: the third coordinate counts so much; it is scaled by this.
    """

    base: Tensor
    shapes: Tensor
    expressions: Tensor
    correctives: Tensor
    shape: Tensor
    depth: float
    rotations: tuple[int, ...] = (GLOBAL.start, JAW_TURN.start)

    @classmethod
    def of(cls, model: LinearBlend, embedding: Embedding, depth: float) -> "FlameLandmarks":
        """The mean face of a model."""
        corners = torch.from_numpy(model.faces[embedding.triangles])
        parts = torch.from_numpy(embedding.places)
        jaw = model.weights[corners, JAW]

        def halves(vertices: Tensor, joints: Tensor) -> Tensor:
            """Still and moved, [N, 6, P], of vertices [N, V, 3] and joints [N, J, 3]."""
            seen, hinge = vertices[:, corners], joints[:, None, JAW]
            moved = ((parts * jaw)[..., None] * seen).sum(dim=2) - (parts * jaw).sum(dim=1)[:, None] * hinge
            still = (parts[..., None] * seen).sum(dim=2) - moved - joints[:, None, ROOT]
            return torch.cat([still, moved], dim=2).mT.contiguous()

        base, shapes, expressions = (
            halves(directions, model.regressor @ directions)
            for directions in (model.template[None], model.shapes[:SHAPES], model.expressions[:EXPRESSIONS])
        )
        bends = model.correctives[9 * (JAW - 1) : 9 * JAW]  # these do not move joints
        correctives = halves(bends, bends.new_zeros(len(bends), len(FLAME_JOINTS), 3))
        return cls(base[0], shapes, expressions, correctives, torch.zeros(SHAPES), depth)

    def with_shape(self, shape: Tensor) -> "FlameLandmarks":
        """The same head with another shape [S]."""
        return dataclasses.replace(self, shape=shape)

    @cached_property
    def resting(self) -> Tensor:
        """Still and moved at rest, [6, P]."""
        return self.base + torch.einsum("s,scp->cp", self.shape, self.shapes)

    @property
    def rest_points(self) -> Tensor:
        """Landmarks of the resting face, head upright, [P, 3] metres."""
        return (self.resting[:3] + self.resting[3:]).mT

    def size_change(self) -> tuple[Tensor, Tensor]:
        """How much larger than the mean face this one is, as a share, and the change of that with the shape [S]."""
        mean, directions = self.base[:3] + self.base[3:], self.shapes[:, :3] + self.shapes[:, 3:]
        across = mean - mean.mean(dim=1, keepdim=True)
        growth = (across * directions).sum(dim=(1, 2)) / across.square().sum()
        return growth @ self.shape, growth

    def points(self, parameters: Tensor) -> Tensor:
        """Landmarks [T, P, 3] of parameters [T, 60]: the third coordinate scaled by `depth`."""
        return self._seen(parameters)[0]

    def jacobian(self, parameters: Tensor) -> Tensor:
        """Their change with a step, [T, P, 3, 60]."""
        points, head, jaw, turned, moved = self._seen(parameters)
        scaled = head * parameters[:, LOG_SCALE, None].exp() * self.axes[:, None]
        both = torch.cat([scaled, scaled @ jaw], dim=2)  # of still and moved
        out = parameters.new_empty(*points.shape, parameters.shape[1])
        out[..., TRANSLATION] = torch.diag(self.axes)
        out[..., LOG_SCALE] = (points - parameters[:, None, TRANSLATION] * self.axes)[..., None]
        out[..., GLOBAL] = scaled[:, None] @ _crosses(turned.mT)
        steps = (jaw[:, None] @ _crosses(torch.eye(3, dtype=jaw.dtype)).permute(2, 1, 0)).flatten(2)  # of R_jaw
        bent = (steps @ self.correctives.flatten(1)).unflatten(2, (6, -1))
        of_jaw = (both[:, None] @ bent).permute(0, 3, 2, 1)
        out[..., JAW_TURN] = of_jaw + both[:, None, :, 3:] @ _crosses(moved.mT)
        directions = self.expressions.permute(1, 2, 0)
        out[..., EXPRESSION] = (both @ directions.flatten(1)).unflatten(2, directions.shape[1:]).transpose(1, 2)
        return out

    def shape_jacobian(self, parameters: Tensor) -> Tensor:
        """Change of the landmarks with the shape, [T, P, 3, S]."""
        _, head, jaw, _, _ = self._seen(parameters)
        scaled = head * parameters[:, LOG_SCALE, None].exp() * self.axes[:, None]
        both, directions = torch.cat([scaled, scaled @ jaw], dim=2), self.shapes.permute(1, 2, 0)
        return (both @ directions.flatten(1)).unflatten(2, directions.shape[1:]).transpose(1, 2)

    @cached_property
    def axes(self) -> Tensor:
        """What each coordinate counts, [3]."""
        return self.base.new_tensor([1, 1, self.depth])

    def _seen(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Landmarks [T, P, 3]; rotations of head and jaw [T, 3, 3]; before the head's and the jaw's turn [T, 3, P]."""
        head, jaw = (roma.rotvec_to_rotmat(parameters[:, turn]) for turn in (GLOBAL, JAW_TURN))
        bends = (jaw - torch.eye(3, dtype=jaw.dtype)).flatten(1)
        both = self.resting + (parameters[:, EXPRESSION] @ self.expressions.flatten(1)).unflatten(1, (6, -1))
        both = both + (bends @ self.correctives.flatten(1)).unflatten(1, (6, -1))
        turned = both[:, :3] + jaw @ both[:, 3:]
        placed = (head @ turned).mT * parameters[:, None, LOG_SCALE].exp() + parameters[:, None, TRANSLATION]
        return placed * self.axes, head, jaw, turned, both[:, 3:]


def _crosses(points: Tensor) -> Tensor:
    """e_n cross x for points [..., 3]: [..., 3, 3], n last."""
    spread = points[..., None, :].expand(*points.shape, 3)
    return torch.linalg.cross(torch.eye(3, dtype=points.dtype).expand_as(spread), spread).mT


class FittedPerson(NamedTuple):
    """Parameters [N, 60] and misfit [N] of one person's frames, and the person's shape [S]."""

    parameters: Tensor
    residual: Tensor
    shape: Tensor


def fit_person(points: np.ndarray, run: np.ndarray, head: FlameLandmarks, settings: FlameSettings) -> FittedPerson:
    """Fit all frames of one person.

    Args:
        points: the embedding's landmarks, [N, P, 3] pixels (x right, y down, z away); NaN where unknown.
        run: number of the unbroken run that each frame belongs to, [N].
        head: the mean face.
        settings: of the fit.
    """
    seen = torch.from_numpy(points * TO_AXES)
    start, unit = place(seen, head)
    seen = seen / unit * head.axes
    sigma = start[:, LOG_SCALE].exp() * settings.noise_mm / 1000
    landmarks = Landmarks(seen, (sigma**-2).expand(seen.shape[:2]))
    some = torch.linspace(0, len(seen) - 1, min(len(seen), settings.shape_frames)).round().long()
    few = Landmarks(landmarks.points[some], landmarks.precision[some])
    head, start[some] = fit_shape(few, start[some], head, settings)
    fitted = fit(head, landmarks, prior_of(settings), start, torch.from_numpy(run), settings.steps, settings.outlier)
    return FittedPerson(fitted.parameters, fitted.residual, head.shape)


def place(seen: Tensor, head: FlameLandmarks) -> tuple[Tensor, Tensor]:
    """The resting face laid on landmarks: parameters [N, 60] in units of the usual face, and that unit in pixels.

    Args:
        seen: landmarks [N, P, 3] pixels, in the project's axes; NaN where unknown.
        head: the face.
    """
    known = torch.isfinite(seen).all(dim=2)
    rest = head.rest_points.expand_as(seen)
    turn, move, scale = roma.rigid_points_registration(
        rest, torch.nan_to_num(seen), weights=known.to(seen.dtype), compute_scaling=True
    )
    unit = scale.median() * UNIT_M
    start = seen.new_zeros(len(seen), FITTED)
    start[:, TRANSLATION], start[:, LOG_SCALE] = move / unit, (scale / unit).log()[:, None]
    start[:, GLOBAL] = roma.rotmat_to_rotvec(turn)
    return start, unit


def prior_of(settings: FlameSettings) -> Prior:
    """What is known of a face: expressions as FLAME's own statistics have them, jaws as joints allow."""
    mean, deviation, change = torch.zeros(FITTED), torch.full((FITTED,), torch.inf), torch.full((FITTED,), torch.inf)
    low, high = torch.full((FITTED,), -torch.inf), torch.full((FITTED,), torch.inf)
    deviation[JAW_TURN], change[JAW_TURN] = torch.tensor(JAW_RAD), JAW_CHANGE_RAD
    low[JAW_TURN], high[JAW_TURN] = torch.tensor(JAW_LOW_RAD), torch.tensor(JAW_HIGH_RAD)
    deviation[EXPRESSION], change[EXPRESSION] = 1, settings.change
    change[GLOBAL], change[LOG_SCALE], change[TRANSLATION] = HEAD_CHANGE_RAD, LOG_SCALE_CHANGE, MOVE_CHANGE
    return Prior(mean, torch.diag(deviation**-2), change**-2, low, high)


def fit_shape(
    landmarks: Landmarks, start: Tensor, head: FlameLandmarks, settings: FlameSettings
) -> tuple[FlameLandmarks, Tensor]:
    """The head with one person's shape, and the frames' parameters with it.

    Shape and expressions explain the same landmarks, so that turns of one and the other alone would creep: each step of
    the shape takes into account how every frame will follow it (Schur's complement).

    Args:
        landmarks: of N frames.
        start: their parameters, [N, 60].
        head: with any shape.
        settings: of the fit.
    """
    prior, apart = prior_of(settings), torch.arange(len(start))
    for number in range(ROUNDS):
        steps = FOLLOWING if number else settings.steps
        start = fit(head, landmarks, prior, start, apart, steps, settings.outlier).parameters
        head = head.with_shape(head.shape + shape_step(landmarks, start, head, prior, settings.outlier))
    return head, start


def shape_step(landmarks: Landmarks, parameters: Tensor, head: FlameLandmarks, prior: Prior, outlier: float) -> Tensor:
    """Gauss-Newton step [S] of the shape for frames that are fitted to it."""
    off = head.points(parameters) - torch.nan_to_num(landmarks.points)
    precision = landmarks.precision * torch.isfinite(landmarks.points).all(dim=2)
    weights = precision / (1 + precision * off.square().sum(dim=2) / outlier**2)
    rows = weights[..., None].expand_as(off).flatten(1)
    own, shared = head.jacobian(parameters).flatten(1, 2), head.shape_jacobian(parameters).flatten(1, 2)
    weighted = shared * rows[..., None]
    normal = (own * rows[..., None]).mT @ own + prior.precision
    mixed = weighted.mT @ own
    followed = torch.linalg.solve(normal, mixed.mT)
    worth = min(1, EVIDENCE_FRAMES / len(off))
    reduced = (weighted.mT @ shared - mixed @ followed).sum(dim=0) * worth + torch.eye(len(head.shape))
    gradient = (weighted.mT @ off.flatten(1)[..., None]).sum(dim=0)[:, 0] * worth + head.shape
    size, growth = head.size_change()
    reduced = reduced + growth[:, None] * growth / SIZE_DEVIATION**2
    gradient = gradient + growth * size / SIZE_DEVIATION**2
    return -torch.linalg.solve(reduced, gradient)


def face_features(fitted: FittedPerson) -> np.ndarray:
    """Face features [N, 156] of layout `flame`."""
    features = np.full((len(fitted.parameters), FACE_FEATURES), np.nan)
    for name, columns in (("expression", EXPRESSION), ("global", GLOBAL), ("jaw", JAW_TURN)):
        features[:, slice(*FLAME_FACE.groups[name])] = fitted.parameters[:, columns].numpy()
    features[:, slice(*FLAME_FACE.groups["shape"])] = fitted.shape.numpy()
    return features


def confidence(fitted: FittedPerson) -> np.ndarray:
    """How far a frame is to be trusted, [N] in 0..1: by the misfit and by the turn away from the camera.

    A misfit within the landmarks' noise costs nothing; the turn's cosine falls before a profile's mesh goes astray.
    """
    away = roma.rotvec_to_rotmat(fitted.parameters[:, GLOBAL])[:, 2, 2].clamp(0, 1)
    return (away / fitted.residual.clamp_min(1)).numpy()


class Flame:
    """mediapipe's face mesh and FLAME fitted to it; each speaker of a clip has one shape."""

    def __init__(self, settings: FlameSettings, model: Path, embedding: Path) -> None:
        flame = load_flame(model)
        self.settings, self.embedding = settings, load_embedding(embedding, len(flame.faces))
        self.head = FlameLandmarks.of(flame, self.embedding, settings.depth)
        self.meshes = Trackers(new_mesh)

    def __call__(self, video: Path, seen: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """See `nonverbal.cues.face.FaceBackend`; a face smaller than `least_px` is unknown."""
        points = clip_points(video, seen, self.meshes, self.settings.margin)[:, self.embedding.numbers]
        boxes = seen[FACE].to_numpy()
        large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= self.settings.least_px
        extent = np.ptp(points[..., :2], axis=1).min(axis=1)  # NaN without a mesh; a mesh may collapse
        usable = large & (extent > 1)
        features, sure = np.full((len(seen), FACE_FEATURES), np.nan), np.zeros(len(seen))
        for rows, run in speakers(seen, usable):
            fitted = fit_person(points[rows], run, self.head, self.settings)
            features[rows] = face_features(fitted)
            sure[rows] = confidence(fitted)
        features[sure < self.settings.least_confidence] = np.nan
        return features, sure
