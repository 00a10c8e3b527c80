"""The bodies that parameters are shown on, each with the caption that says which it is."""

from dataclasses import replace
from typing import Protocol

import numpy as np
import torch

from nonverbal.avatar.dress import Person
from nonverbal.avatar.look import Look
from nonverbal.avatar.render import Camera, Canvas, Surface
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.layouts import OPEN_FACE
from nonverbal.views.motion import FACE, PARTS, Motion

# Somebody of no particular shape or colour: what is seen are the parameters.
NEUTRAL = Look(skin=(0.80, 0.72, 0.66), hair=(0.33, 0.30, 0.28), iris=(0.25, 0.22, 0.20), shirt=(0.36, 0.46, 0.58))
HELD = np.array((0.30, 0.30, 0.33), np.float32)  # colour of what is not known
FACE_REACH_M = 0.003  # a vertex that facial actions move this far is wholly of the face
BODY_VIEW, FACE_VIEW = (2.1, 32.0), (0.75, 24.0)  # distance of the camera, metres, and its field of view, degrees
Size = tuple[int, int]


class Figure(Protocol):
    """Something that parameters move."""

    caption: str

    def pose(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [T, V, 3] and joints [T, 52, 3], metres, x to the person's left, y up, z to the camera."""

    def surface(self, vertices: np.ndarray, known: dict[str, bool]) -> Surface:
        """What is drawn for one frame's vertices [V, 3]; parts that are not known are grey."""


class Anny:
    """The open body model in neutral clothes, moved by joint rotations and facial actions."""

    caption = "Anny (open stand-in)"

    def __init__(self) -> None:
        self.person = Person(NEUTRAL)
        avatar = self.person.avatar
        moved = avatar.action_basis.norm(dim=-1).amax(dim=0).numpy()
        self.shares = {part: self.person.sums @ share for part, share in part_shares(avatar.weights.numpy()).items()}
        self.shares[FACE] = self.person.sums @ np.clip(moved / FACE_REACH_M, 0, 1)

    def pose(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """See `Figure`."""
        vertices, joints = self.person.pose(torch.from_numpy(motion.body), torch.from_numpy(motion.actions))
        return vertices, joints

    def surface(self, vertices: np.ndarray, known: dict[str, bool]) -> Surface:
        """See `Figure`."""
        surface = self.person.surface(vertices)
        grey = np.zeros(len(surface.vertices), np.float32)
        for part, share in self.shares.items():
            if not known[part]:
                grey = np.maximum(grey, share)
        colours = surface.mesh.colours + grey[:, None] * (HELD - surface.mesh.colours)
        return replace(surface, mesh=replace(surface.mesh, colours=colours.astype(np.float32)))


def part_shares(weights: np.ndarray) -> dict[str, np.ndarray]:
    """How much of each vertex [V] belongs to each of PARTS, from the joints' skinning weights [V, 52]."""
    joints = {part: [JOINTS.index(joint) for joint in named] for part, named in PARTS.items()}
    named = [joint for part in list(PARTS)[1:] for joint in joints[part]]
    joints["trunk"] = [joint for joint in range(len(JOINTS)) if joint not in named]
    return {part: weights[:, of_part].sum(axis=1) for part, of_part in joints.items()}


class Screen:
    """Draws a figure's frames.

    Args:
        figure: what is drawn.
        motion: its parameters; all frames are posed at once.
    """

    def __init__(self, figure: Figure, motion: Motion) -> None:
        self.figure, self.motion = figure, motion
        self.vertices, self.joints = figure.pose(motion)
        self.head = self.joints[:, JOINTS.index("head")]
        self.chest_y = float(np.median(self.head[:, 1])) - 0.22

    @property
    def caption(self) -> str:
        """Which model is shown, and whether it can show the face."""
        shown = self.motion.layout is OPEN_FACE
        return self.figure.caption if shown else f"{self.figure.caption}, FLAME face not shown"

    def draw(self, frame: int, body: Size, face: Size) -> tuple[np.ndarray, np.ndarray]:
        """Body from the front and face from near by at a frame of the motion, uint8 RGB of sizes (width, height)."""
        known = {part: bool(known[frame]) for part, known in self.motion.known.items()}
        known[FACE] &= self.motion.layout is OPEN_FACE
        surface = self.figure.surface(self.vertices[frame], known)
        near = self.head[frame] + (0.0, 0.06, 0.08)
        return (
            _picture(surface, np.array((0.0, self.chest_y, 0.0)), BODY_VIEW, body),
            _picture(surface, near, FACE_VIEW, face),
        )


def _picture(surface: Surface, target: np.ndarray, view: tuple[float, float], size: Size) -> np.ndarray:
    x, y, z = (float(value) for value in target)
    distance, fov_deg = view
    return Canvas(Camera((x, y, z + distance), (x, y, z), fov_deg, *size), []).draw([surface])
