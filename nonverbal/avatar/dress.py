"""A person to look at: skin, eyes, lips, brows, hair and clothes on an avatar's surface.

Every drawn vertex is a weighted sum of Anny's vertices, lifted along the normal where it is hair or cloth, so it
moves as the body moves. Lengths are for a face whose eyes are 63 mm apart and grow with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse
import torch
from anny.face_segmentation import get_face_segmentation_mask

from nonverbal.avatar.cut import clip, pick, subdivide
from nonverbal.avatar.look import Colour, Look
from nonverbal.avatar.model import Avatar
from nonverbal.avatar.render import Mesh, Normals, Surface, unit
from nonverbal.avatar.rig import load_anny
from nonverbal.avatar.skeleton import JOINTS

Paint = Callable[[np.ndarray], np.ndarray]  # places at rest [W, 3] -> colours [W, 3]
MOUTH, TONGUE, SCLERA, PUPIL = (0.25, 0.07, 0.07), (0.62, 0.26, 0.26), (0.90, 0.89, 0.87), (0.02, 0.02, 0.02)
WAIST_M = -0.12  # what lies lower than this above the root is behind the table and not drawn
EYE_X = 0.0315  # metres from the middle to an eye of the face that lengths here are made for
LABELS = ("head", "mouth_cavity", "tongue", "eye_front.L", "eye_front.R", "eye_back.L", "eye_back.R")


@dataclass(frozen=True)
class Piece:
    """A part of what is drawn: its vertices as sums of the body's, lifted by `lift` [W] metres along the normal."""

    sums: scipy.sparse.csr_array
    faces: np.ndarray
    lift: np.ndarray
    colours: np.ndarray
    shine: float


class Person:
    """An avatar with a look."""

    def __init__(self, look: Look) -> None:
        self.avatar = Avatar(look.phenotype)
        pieces = Wardrobe(self.avatar, look).pieces()
        self.sums = scipy.sparse.vstack([piece.sums for piece in pieces]).tocsr().astype(np.float32)
        self.lift = np.concatenate([piece.lift for piece in pieces]).astype(np.float32)[:, None]
        starts = np.cumsum([0, *(piece.sums.shape[0] for piece in pieces[:-1])])
        self.mesh = Mesh(
            faces=np.concatenate([p.faces + start for p, start in zip(pieces, starts, strict=True)]).astype(np.int32),
            colours=np.concatenate([piece.colours for piece in pieces]).astype(np.float32),
            shine=np.concatenate([np.full(len(piece.lift), piece.shine) for piece in pieces]).astype(np.float32),
        )
        self.drawn = np.unique(self.sums.indices)[::4]  # body vertices that outline what is drawn
        self.face = self.avatar.face_index.numpy()  # body vertices that facial actions move
        self.normals = Normals(self.avatar.faces.numpy(), len(self.avatar.rest_vertices))

    def pose(self, features: torch.Tensor, actions: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Body vertices [N, V, 3] and joints [N, 52, 3] for body features [N, 179] and actions [N, 51]."""
        vertices, joints = self.avatar(features, actions)
        return vertices.numpy(), joints.numpy()

    def surface(self, vertices: np.ndarray) -> Surface:
        """What is drawn for one moment's body vertices [V, 3]."""
        normals = self.sums @ self.normals(vertices)
        return Surface(self.mesh, self.sums @ vertices + self.lift * normals, unit(normals))


@lru_cache(maxsize=1)
def regions() -> dict[str, np.ndarray]:
    """Masks over Anny's triangles, bool [F], by Anny's own segmentation."""
    source = load_anny()
    return {label: get_face_segmentation_mask(source, [label]).numpy() for label in LABELS}


class Wardrobe:
    """Cuts the pieces of one person out of the body's mesh."""

    def __init__(self, avatar: Avatar, look: Look) -> None:
        self.look = look
        self.rest, self.faces = avatar.rest_vertices.numpy(), avatar.faces.numpy()
        self.weights, self.joints = avatar.weights.numpy(), avatar.joints.numpy()
        eyes = {side: self.faces[regions()[f"eye_front.{side}"]] for side in "LR"}
        self.eye = self.rest[eyes["L"]].mean(axis=(0, 1))
        self.scale = self.eye[0] / EYE_X
        self.outside = ~np.any([regions()[label] for label in LABELS[1:]], axis=0)
        self.outside &= self.rest[self.faces][..., 1].min(axis=1) > WAIST_M

    def pieces(self) -> list[Piece]:
        """Everything that is drawn."""
        look, head = self.look, regions()["head"]
        hair, shirt = self.hair(), self.shirt()
        painted = head & (self.rest[self.faces][..., 2].min(axis=1) > self.eye[2] - 0.03)
        skin = self.outside & ~painted & (shirt[self.faces].min(axis=1) < 0.02)
        covered = self.outside & ~head & (shirt[self.faces].max(axis=1) > 0)
        return [
            self.part(skin, lambda at: np.zeros_like(at) + look.skin, 0.10),
            self.part(painted & self.outside, self.face_paint, 0.10, finer=1),
            self.part(regions()["mouth_cavity"], lambda at: np.zeros_like(at) + MOUTH, 0.05),
            self.part(regions()["tongue"], lambda at: np.zeros_like(at) + TONGUE, 0.2),
            *(self.part(regions()[f"eye_front.{side}"], self.eye_paint(side), 0.5, finer=2) for side in "LR"),
            self.shell(head | (self.outside & look.long_hair), hair, look.hair, 0.12, (0.003, 0.017)),
            self.shell(covered, shirt, look.shirt, 0.02, (0.007, 0.009)),
        ]

    def part(self, chosen: np.ndarray, paint: Paint, shine: float, finer: int = 0) -> Piece:
        """Faces as they are, cut in four `finer` times so that painted edges are sharp."""
        sums, faces = pick(self.faces[chosen], len(self.rest))
        for _ in range(finer):
            sums, faces = subdivide(sums, faces)
        return Piece(sums, faces, np.zeros(sums.shape[0]), paint(sums @ self.rest), shine)

    def shell(
        self, chosen: np.ndarray, depth: np.ndarray, colour: Colour, shine: float, lift: tuple[float, float]
    ) -> Piece:
        """A layer over the faces where `depth` [V] is positive, `lift` metres thick at its edge and 3 cm inside."""
        sums, faces = pick(self.faces[chosen], len(self.rest))
        sums, faces = clip(sums, faces, sums @ depth)
        inside = np.clip((sums @ depth) / 0.03, 0, 1)
        height = lift[0] + (lift[1] - lift[0]) * np.sin(inside * np.pi / 2)
        return Piece(sums, faces, height * self.scale, np.zeros((len(height), 3)) + colour, shine)

    def face_paint(self, at: np.ndarray) -> np.ndarray:
        """Skin with lips and brows."""
        skin = np.array(self.look.skin)
        lips, brows = self.lips(at)[:, None], 0.85 * self.brows(at)[:, None]
        colours = skin + 0.75 * lips * (skin * (0.88, 0.55, 0.58) - skin)
        return colours + brows * (0.7 * np.array(self.look.hair) - colours)

    def lips(self, at: np.ndarray) -> np.ndarray:
        """How much of a lip is at each place [W, 3], 0..1."""
        both = [np.unique(self.faces[regions()[label]]) for label in ("head", "mouth_cavity")]
        line = self.rest[np.intersect1d(*both)]
        along = (at[:, 0] / np.abs(line[:, 0]).max()) ** 2
        up = (at[:, 1] - line[:, 1].mean()) / self.scale
        height = np.where(up > 0, 0.0105, 0.0135) * (1 - along)
        front = at[:, 2] > line[:, 2].min()
        return np.clip((height - np.abs(up)) / 0.0015, 0, 1) * front

    def brows(self, at: np.ndarray) -> np.ndarray:
        """How much of a brow is at each place [W, 3], 0..1: an arc above each eye, thinner outward."""
        along = (np.abs(at[:, 0]) / self.scale - EYE_X) / 0.021
        middle = 0.0225 - 0.0035 * along**2 - 0.0005 * along
        half = np.interp(along, [-1.0, -0.8, 0.2, 1.1], [0.0022, 0.0036, 0.0032, 0.0008])
        across = np.abs((at[:, 1] - self.eye[1]) / self.scale - middle) / half
        return np.clip((1.25 - across) / 0.5, 0, 1) * (np.abs(along) < 1.1)

    def eye_paint(self, side: str) -> Paint:
        """White, iris and pupil of one eyeball."""
        ball = self.rest[self.faces[regions()[f"eye_front.{side}"]]].reshape(-1, 3)
        centre, radius = ball.mean(axis=0)[:2], np.ptp(ball[:, 0]) / 2

        def paint(at: np.ndarray) -> np.ndarray:
            out = np.linalg.norm(at[:, :2] - centre, axis=1) / radius
            colours = np.zeros_like(at) + SCLERA
            colours[out < 0.42] = self.look.iris
            colours[out < 0.19] = PUPIL
            return colours

        return paint

    def hair(self) -> np.ndarray:
        """How far inside the hairline each vertex is, metres, [V]; ears are outside."""
        up, front = ((self.rest[:, i] - self.eye[i]) / self.scale for i in (1, 2))
        nape = -0.15 if self.look.long_hair else -0.075
        line = np.interp(
            front, [-0.16, -0.12, -0.075, -0.05, -0.045, 0.0, 0.03], [nape, nape, -0.03, -0.02, 0.02, 0.052, 0.06]
        )
        ear = np.hypot((front + 0.092) / 0.034, (up + 0.017) / 0.046)
        return np.minimum(up - line, 0.04 * (ear - 1))

    def shirt(self) -> np.ndarray:
        """How far inside the shirt each vertex is, metres, [V]: below the neckline, above the sleeves' ends."""
        neck = self.joints[JOINTS.index("neck")]
        out = np.hypot(self.rest[:, 0], self.rest[:, 2] - neck[2]) - 0.055
        neckline = np.minimum(neck[1] - 0.015 - self.rest[:, 1] + 0.8 * np.clip(out, 0, 0.2), 0.1)
        inside = neckline
        for side in ("left", "right"):
            start, end = (self.joints[JOINTS.index(f"{side}_{name}")] for name in ("elbow", "wrist"))
            reach = ((self.rest - start) @ (end - start)) / np.linalg.norm(end - start)
            limit = -0.04 if self.look.short_sleeves else np.linalg.norm(end - start) - 0.015
            arm = self.weights[:, [i for i, name in enumerate(JOINTS) if name.startswith(side)]].sum(axis=1) > 0.5
            inside = np.where(arm, np.minimum(inside, limit - reach), inside)
        return inside
