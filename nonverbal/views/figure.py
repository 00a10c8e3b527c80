"""The bodies that parameters are shown on, each with the caption that says which it is."""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from nonverbal.avatar import surfaces
from nonverbal.avatar.dress import Person
from nonverbal.avatar.look import Look
from nonverbal.avatar.render import Camera, Canvas, Mesh, Normals, Surface
from nonverbal.avatar.skeleton import JOINTS, forward_kinematics
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, FLAME_FACE, OPEN_FACE, SMPLX_BODY
from nonverbal.views.motion import FACE, PARTS, Motion

# Somebody of no particular shape or colour: what is seen are the parameters.
NEUTRAL = Look(skin=(0.80, 0.72, 0.66), hair=(0.33, 0.30, 0.28), iris=(0.25, 0.22, 0.20), shirt=(0.36, 0.46, 0.58))
HELD = np.array((0.30, 0.30, 0.33), np.float32)  # colour of what is not known
FACE_REACH_M = 0.003  # a vertex that facial actions move this far is wholly of the face
BODY_VIEW, FACE_VIEW = (2.1, 32.0), (0.75, 24.0)  # distance of the camera, metres, and its field of view, degrees
NEAR = np.array((0.0, 0.06, 0.08))  # from the head's joint to the middle of the face, metres
HEAD_MIDDLE = np.array((0.0, 0.07, 0.03), np.float32)  # from the head's joint to the middle of its vertices
SKY = (0.1, 0.1, 0.1)
Size = tuple[int, int]


class Figure(Protocol):
    """Something that parameters move."""

    caption: str

    def pose(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [T, V, 3] and where the head is [T, 3], metres, x to the person's left, y up, z to the camera."""

    def surface(self, vertices: np.ndarray, known: dict[str, bool]) -> Surface:
        """What is drawn for one frame's vertices [V, 3]; parts that are not known are grey."""


class Anny:
    """The open body model in neutral clothes, moved by joint rotations and facial actions."""

    caption = surfaces.OPEN

    def __init__(self) -> None:
        self.person = Person(NEUTRAL)
        avatar = self.person.avatar
        moved = avatar.action_basis.norm(dim=-1).amax(dim=0).numpy()
        self.shares = {part: self.person.sums @ share for part, share in part_shares(avatar.weights.numpy()).items()}
        self.shares[FACE] = self.person.sums @ np.clip(moved / FACE_REACH_M, 0, 1)

    def pose(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """See `Figure`."""
        vertices, joints = self.person.pose(torch.from_numpy(motion.body), torch.from_numpy(motion.actions))
        return vertices, joints[:, JOINTS.index("head")]

    def joints(self, motion: Motion) -> np.ndarray:
        """Where its joints are, [T, 52, 3]."""
        rotations = torch.from_numpy(motion.joint_rotations())
        return forward_kinematics(rotations, self.person.avatar.rest_joints)[1].numpy()

    def surface(self, vertices: np.ndarray, known: dict[str, bool]) -> Surface:
        """See `Figure`."""
        surface = self.person.surface(vertices)
        return replace(surface, mesh=replace(surface.mesh, colours=greyed(surface.mesh.colours, self.shares, known)))


class Licensed:
    """FLAME's head or SMPL-X's body, from the file that its user registered for, in one colour.

    Args:
        model: the mesh.
        weights: its skinning weights on JOINTS, [V, 52]; a head without any is all face.
    """

    def __init__(self, model: surfaces.Surface, weights: np.ndarray | None = None) -> None:
        self.model, self.caption, self.of_head = model, model.label, weights is None
        at_rest = np.zeros((1, FACE_FEATURES if weights is None else BODY_FEATURES), np.float32)
        count = model.vertices(at_rest).shape[1]
        self.shares = {FACE: np.ones(count)} if weights is None else part_shares(weights)
        self.head = self.shares[FACE if weights is None else "head"] > 0.5
        self.normals = Normals(model.faces, count)
        skin = np.zeros((count, 3), np.float32) + np.array(NEUTRAL.skin, np.float32)
        self.mesh = Mesh(model.faces.astype(np.int32), skin, np.full(len(skin), 0.1, np.float32))

    def pose(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """See `Figure`."""
        vertices = self.model.vertices(motion.face if self.of_head else motion.body)
        return vertices, vertices[:, self.head].mean(axis=1) - HEAD_MIDDLE

    def surface(self, vertices: np.ndarray, known: dict[str, bool]) -> Surface:
        """See `Figure`."""
        mesh = replace(self.mesh, colours=greyed(self.mesh.colours, self.shares, known))
        return Surface(mesh, vertices, self.normals(vertices))


class Figures:
    """The bodies and faces at hand: the licensed models where the user has their files, else the open one.

    Args:
        models: folder of models; None for the open model alone.
    """

    def __init__(self, models: Path | None = None) -> None:
        self.anny = Anny()
        self.body: Figure = self.anny
        self.faces: dict[str, Figure] = {OPEN_FACE.name: self.anny}
        if models and surfaces.has_model(models, "smplx"):
            body = surfaces.load_surface(SMPLX_BODY, models)
            if isinstance(body, surfaces.SmplxBody):
                self.body = Licensed(body, on_joints(body.model.weights.numpy()))
        if models and surfaces.has_model(models, "flame"):
            self.faces[FLAME_FACE.name] = Licensed(surfaces.load_surface(FLAME_FACE, models))


def on_joints(weights: np.ndarray) -> np.ndarray:
    """SMPL-X's skinning weights [V, 55] on JOINTS, [V, 52]: its jaw and eyes are of the head."""
    first = JOINTS.index("left_index1")
    joints = np.concatenate([weights[:, :first], weights[:, first + 3 :]], axis=1)
    joints[:, JOINTS.index("head")] += weights[:, first : first + 3].sum(axis=1)
    return joints


def greyed(colours: np.ndarray, shares: dict[str, np.ndarray], known: dict[str, bool]) -> np.ndarray:
    """Colours [V, 3], grey as far as a vertex is of parts that are not known."""
    grey = np.zeros(len(colours), np.float32)
    for part, share in shares.items():
        if not known[part]:
            grey = np.maximum(grey, share)
    return (colours + grey[:, None] * (HELD - colours)).astype(np.float32)


def part_shares(weights: np.ndarray) -> dict[str, np.ndarray]:
    """How much of each vertex [V] belongs to each of PARTS, from the joints' skinning weights [V, 52]."""
    joints = {part: [JOINTS.index(joint) for joint in named] for part, named in PARTS.items()}
    named = [joint for part in list(PARTS)[1:] for joint in joints[part]]
    joints["trunk"] = [joint for joint in range(len(JOINTS)) if joint not in named]
    return {part: weights[:, of_part].sum(axis=1) for part, of_part in joints.items()}


class Screen:
    """Draws one speaker's frames, all posed at once: a body, and a face that may be another model's.

    Args:
        figures: what there is to draw.
        motion: the parameters.
        sky: colour behind them, RGB in 0..1.
    """

    def __init__(self, figures: Figures, motion: Motion, sky: tuple[float, float, float] = SKY) -> None:
        self.motion, self.body, self.sky = motion, figures.body, sky
        self.face = figures.faces.get(motion.layout.name)
        self.vertices, head = self.body.pose(motion)
        self.chest_y = float(np.median(head[:, 1])) - 0.22
        shown = self.face or figures.anny
        self.near, self.near_head = (self.vertices, head) if shown is self.body else shown.pose(motion)

    @property
    def caption(self) -> str:
        """Which models are shown, and whether the face is."""
        if self.face is None:
            return f"{self.body.caption}, FLAME face not shown"
        captions = dict.fromkeys((self.body.caption, self.face.caption))
        return " + ".join(captions)

    def draw(self, frame: int, body: Size, face: Size) -> tuple[np.ndarray, np.ndarray]:
        """Body from the front and face from near by at a frame of the motion, uint8 RGB of sizes (width, height)."""
        known = self.known(frame)
        surface = self.body.surface(self.vertices[frame], known)
        shown = self.face or self.body
        near = surface if shown is self.body else shown.surface(self.near[frame], known)
        return (
            self._picture(surface, np.array((0.0, self.chest_y, 0.0)), BODY_VIEW, body),
            self._picture(near, self.near_head[frame] + NEAR, FACE_VIEW, face),
        )

    def known(self, frame: int) -> dict[str, bool]:
        """Which parts are known in a frame, and shown."""
        known = {part: bool(known[frame]) for part, known in self.motion.known.items()}
        return known | {FACE: known[FACE] and self.face is not None}

    def _picture(self, surface: Surface, target: np.ndarray, view: tuple[float, float], size: Size) -> np.ndarray:
        x, y, z = (float(value) for value in target)
        distance, fov_deg = view
        return Canvas(Camera((x, y, z + distance), (x, y, z), fov_deg, *size), [], self.sky).draw([surface])
