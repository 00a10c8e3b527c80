"""Meshes that move with face and body features: the licensed models where the user has them, else the open one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import roma
import torch
from torch import Tensor

from nonverbal.avatar.linear_blend import LinearBlend, load_flame, load_mean_hands, load_smplx
from nonverbal.avatar.skeleton import JOINTS, joint_rotations
from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.models import fetched

CHUNK = 64  # frames posed at once: 200 MB of SMPL-X
HANDS = slice(JOINTS.index("left_index1"), len(JOINTS))
OPEN = "Anny (open stand-in)"


class Surface(Protocol):
    """A mesh that moves with features of one layout."""

    label: str
    """Which model it is, for captions."""
    faces: np.ndarray
    """Triangles, int64 [F, 3]."""

    def vertices(self, features: np.ndarray) -> np.ndarray:
        """Vertices [N, V, 3] in metres for features [N, 156 or 179]; numbers that are unknown (NaN) are at rest."""


def load_surface(layout: Layout, models: Path, mean_hands: bool = False) -> Surface:
    """The mesh of a layout: the licensed model's if its file is in the folder of models.

    Args:
        layout: of the features.
        models: folder of models, as the config names it.
        mean_hands: the features' hands are relative to SMPL-X's mean hand (OSX), not to a flat one.

    Raises:
        UserError: the layout needs a model that is not there, or the model's folder lacks its file, or holds another.
    """
    if layout is FLAME_FACE:
        return FlameHead(load_flame(fetched([models / "flame"])["flame"]))
    if layout is OPEN_FACE:
        return OpenFace()
    if not has_model(models, "smplx"):
        return OpenBody()
    path = fetched([models / "smplx"])["smplx"]
    return SmplxBody(load_smplx(path), load_mean_hands(path) if mean_hands else None)


def has_model(models: Path, name: str) -> bool:
    """Whether a licensed model is in the folder of models; a folder without its file is a mistake, not an absence."""
    return (models / name).is_dir()


def features_of(trained: np.ndarray, layout: Layout) -> np.ndarray:
    """Features [N, layout.features] of training vectors [N, dim]; what is not trained is unknown, hence at rest."""
    features = np.full((len(trained), layout.features), np.nan, np.float32)
    features[:, layout.index] = trained
    return features


class FlameHead:
    """FLAME's head, moved by features of layout `flame`; the neck and the eyes are at rest."""

    def __init__(self, model: LinearBlend) -> None:
        self.model, self.label, self.faces = model, model.name, model.faces

    def vertices(self, features: np.ndarray) -> np.ndarray:
        """See `Surface`."""
        return _in_chunks(self._pose, features)

    def _pose(self, features: Tensor) -> Tensor:
        groups = {name: features[:, slice(*where)] for name, where in FLAME_FACE.groups.items()}
        still = torch.zeros_like(groups["jaw"])
        rotations = torch.stack([groups["global"], still, groups["jaw"], still, still], dim=1)
        return self.model(groups["shape"], groups["expression"], rotations)[0]


class SmplxBody:
    """SMPL-X, moved by features of layout `smplx`; the root joint at the origin, the eyes at rest.

    Args:
        model: SMPL-X.
        resting_hands: rotation vectors of the hands' joints, [30, 3], that features are relative to; of a flat hand,
            zero, when left out.
    """

    def __init__(self, model: LinearBlend, resting_hands: Tensor | None = None) -> None:
        self.model, self.label, self.faces = model, model.name, model.faces
        self.resting_hands = torch.zeros(30, 3) if resting_hands is None else resting_hands

    def vertices(self, features: np.ndarray) -> np.ndarray:
        """See `Surface`."""
        return _in_chunks(self._pose, features)

    def _pose(self, features: Tensor) -> Tensor:
        groups = {name: features[:, slice(*where)] for name, where in SMPLX_BODY.groups.items()}
        joints = joint_rotations(features)
        head = torch.stack([groups["jaw"], *[torch.zeros_like(groups["jaw"])] * 2], dim=1)
        body, hands = joints[:, : HANDS.start], joints[:, HANDS] + self.resting_hands
        vertices, placed = self.model(groups["shape"], groups["expression"], torch.cat([body, head, hands], dim=1))
        return vertices - placed[:, :1]


class OpenFace:
    """Anny's face, moved by features of layout `open_face`; it turns about the head's joint."""

    label = OPEN

    def __init__(self) -> None:
        from nonverbal.avatar.model import Avatar

        self.avatar = Avatar()
        self.pivot = self.avatar.rest_joints[JOINTS.index("head")]
        place = torch.full((len(self.avatar.rest_vertices),), -1)
        place[self.avatar.face_index] = torch.arange(len(self.avatar.face_index))
        faces = place[self.avatar.faces]
        self.faces = faces[(faces >= 0).all(dim=1)].numpy()

    def vertices(self, features: np.ndarray) -> np.ndarray:
        """See `Surface`."""
        return _in_chunks(self._pose, features)

    def _pose(self, features: Tensor) -> Tensor:
        turn = roma.rotvec_to_rotmat(features[:, slice(*OPEN_FACE.groups["global"])])
        surface = self.avatar.face_vertices(features[:, OPEN_FACE.index])
        return (surface - self.pivot) @ turn.mT + self.pivot


class OpenBody:
    """Anny's body, moved by features of layout `smplx`; the root joint at the origin."""

    label = OPEN

    def __init__(self) -> None:
        from nonverbal.avatar.model import Avatar

        self.avatar = Avatar()
        self.faces = self.avatar.faces.numpy()

    def vertices(self, features: np.ndarray) -> np.ndarray:
        """See `Surface`."""
        return _in_chunks(lambda part: self.avatar(part)[0], features)


def _in_chunks(pose: Callable[[Tensor], Tensor], features: np.ndarray) -> np.ndarray:
    known = torch.nan_to_num(torch.from_numpy(np.ascontiguousarray(features, np.float32)))
    with torch.inference_mode():
        return torch.cat([pose(part) for part in known.split(CHUNK)]).numpy()
