"""Where mediapipe's 478 landmarks lie on Anny's mesh, found once on rendered faces at rest.

`python -m nonverbal.cues.face_correspondence` writes resources/face_correspondence.npz: faces of random people, turned
a little, are drawn; a landmark's ray meets a triangle of the person's mesh, whose triangles all people share.
"""

import argparse
import importlib.metadata
import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.dress import Person, regions
from nonverbal.avatar.model import Avatar
from nonverbal.avatar.render import Camera, Canvas
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.cues.face_mesh import POINTS, find_points, new_mesh
from nonverbal.cues.frames import Crop
from nonverbal.cues.open_face import ACTIONS
from nonverbal.cues.open_face_instrument import EYE_CORNERS, EYE_CORNERS_MM, random_look
from nonverbal.layouts import BODY_FEATURES, OPEN_FACE

CORRESPONDENCE = Path(__file__).resolve().parents[2] / "resources" / "face_correspondence.npz"
SEED, PEOPLE, PICTURES = 20250730, 16, 6
PIXELS, FOV_DEG = 256, 16
TURN_RAD = np.array([0.12, 0.35, 0.05])  # standard deviation of nodding, shaking, tilting
FACING = 0.4  # least cosine between the normal of a triangle and the ray that meets it: no outlines
SHOWN = ("head", "eye_front.L", "eye_front.R")  # of Anny's regions
HEAD = JOINTS.index("head")


@dataclass(frozen=True)
class Correspondence:
    """A place on the mesh for each landmark.

    Args:
        vertices: of the triangle that it lies on, [478, 3] of Anny's.
        weights: barycentric, [478, 3].
        spread: median distance of single pictures' places from it, [478] mm.
        hits: pictures in which the landmark's ray met the face, [478].
        made: what it was made with.
    """

    vertices: np.ndarray
    weights: np.ndarray
    spread: np.ndarray
    hits: np.ndarray
    made: dict[str, object]

    def points(self, vertices: np.ndarray) -> np.ndarray:
        """The landmarks' places [..., 478, 3] on a mesh [..., V, 3]."""
        return np.einsum("pc,...pci->...pi", self.weights, vertices[..., self.vertices, :])

    @cached_property
    def face(self) -> tuple[np.ndarray, np.ndarray]:
        """A mean adult's face at rest, [478, 3], and what each action does to it, [51, 478, 3]; mm."""
        avatar = Avatar()
        rest, response = (self.points(mesh.numpy()) for mesh in (avatar.rest_vertices, avatar.action_basis))
        left, right = EYE_CORNERS
        scale = EYE_CORNERS_MM / np.linalg.norm(rest[left] - rest[right])
        return (rest - rest.mean(axis=0)) * scale, response * scale

    def save(self, path: Path) -> None:
        """Write as a compressed NumPy archive."""
        names = ("vertices", "weights", "spread", "hits")
        made = json.dumps(self.made, sort_keys=True)
        np.savez_compressed(path, **{name: getattr(self, name) for name in names}, made=made)


def load_correspondence(path: Path = CORRESPONDENCE) -> Correspondence:
    """Read what `Correspondence.save` wrote; by default the one that comes with the project."""
    with np.load(path, allow_pickle=False) as archive:
        vertices, weights, spread, hits = (archive[name] for name in ("vertices", "weights", "spread", "hits"))
        return Correspondence(vertices, weights, spread, hits, json.loads(str(archive["made"])))


def reproject(features: np.ndarray, boxes: np.ndarray, correspondence: Correspondence) -> np.ndarray:
    """Where the open face's mesh has the landmarks in the picture, [N, 478, 2] pixels; NaN where the face is unknown.

    Cues hold neither place nor size: the points are as high as the face box, and in its middle.

    Args:
        features: face features [N, 156] of layout OPEN_FACE; single unknown actions are 0.
        boxes: of the face, x0, y0, x1, y1 pixels, [N, 4].
        correspondence: see there.
    """
    rest, response = correspondence.face
    shapes = rest + np.tensordot(np.nan_to_num(features[:, OPEN_FACE.index]), response, 1)
    turns = features[:, slice(*OPEN_FACE.groups["global"])]
    known = np.isfinite(turns).all(axis=1)
    points = np.full((len(features), POINTS, 2), np.nan)
    rotations = Rotation.from_rotvec(turns[known]).as_matrix()
    flat = (shapes[known] @ rotations.swapaxes(1, 2))[..., :2] * (1, -1)
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    box = boxes[known].reshape(-1, 2, 2)
    scale = (box[:, 1, 1] - box[:, 0, 1])[:, None, None] / (high - low)[..., 1:]
    points[known] = (flat - (low + high) / 2) * scale + box.mean(axis=1, keepdims=True)
    return points


def find(people: int, pictures: int, seed: int) -> Correspondence:
    """Draw people at rest, and see where the rays of their landmarks meet them."""
    generator, template = np.random.default_rng(seed), Avatar()
    triangles = template.faces.numpy()[np.any([regions()[label] for label in SHOWN], axis=0)]
    met: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(POINTS)]
    for _ in range(people):
        for number, triangle, weights in _rays(generator, pictures, triangles):
            met[number].append((triangle, weights))
    surface = template.rest_vertices.numpy()
    chosen = [_middle(places, surface, triangles) for places in met]
    vertices, weights, spread = (np.stack(column) for column in zip(*chosen, strict=True))
    hits = np.array([len(places) for places in met])
    return Correspondence(vertices, weights.astype(np.float32), spread.astype(np.float32), hits, made_with(seed))


def _rays(generator: np.random.Generator, pictures: int, triangles: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Landmark, triangle and barycentric weights of each ray that meets the face of one random person."""
    person, mesh, met = Person(random_look(generator)), new_mesh(still=True), []
    features = torch.zeros(pictures, BODY_FEATURES)
    turns = generator.normal(size=(pictures, 3)) * TURN_RAD
    features[:, 3 * HEAD : 3 * HEAD + 3] = torch.from_numpy(turns)
    bodies, _ = person.pose(features, torch.zeros(pictures, len(ACTIONS)))
    x, y, z = (float(value) for value in bodies[0, person.face].mean(axis=0))
    camera = Camera((x, y, z + 1.2), (x, y, z), FOV_DEG, PIXELS, PIXELS)
    canvas = Canvas(camera, [], (0.4, 0.4, 0.4))
    for body in bodies:
        found = find_points(mesh, Crop(canvas.draw([person.surface(body)]), 0, 0))
        if found is not None:
            met += _met(found[:, :2], body[triangles], camera)
    return met


def _met(pixels: np.ndarray, corners: np.ndarray, camera: Camera) -> list[tuple[int, int, np.ndarray]]:
    """The nearest triangle of corners [F, 3, 3] under each pixel [P, 2], where there is one and it faces the camera."""
    flat, depth = camera.project(corners)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rays = np.asarray(camera.eye) - corners.mean(axis=1)
    cosine = np.einsum("fi,fi->f", normals, rays)
    cosine /= np.maximum(np.linalg.norm(normals, axis=1) * np.linalg.norm(rays, axis=1), 1e-12)
    facing = np.flatnonzero(cosine > 0)
    first, edges = flat[facing, 0], flat[facing, 1:] - flat[facing, :1]
    share = np.einsum("fij,pfi->pfj", np.linalg.inv(edges), pixels[:, None] - first)
    weights = np.concatenate([1 - share.sum(axis=2, keepdims=True), share], axis=2)
    far = np.where((weights >= 0).all(axis=2), (weights * depth[facing]).sum(axis=2), np.inf)
    nearest = far.argmin(axis=1)
    return [
        (point, int(facing[triangle]), weights[point, triangle])
        for point, triangle in enumerate(nearest)
        if np.isfinite(far[point, triangle]) and cosine[facing[triangle]] > FACING
    ]


def _middle(
    places: list[tuple[int, np.ndarray]], surface: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """The place nearest to all others (medoid): its triangle's vertices, weights, and the others' spread in mm."""
    chosen, weights = triangles[[triangle for triangle, _ in places]], np.stack([weight for _, weight in places])
    points = 1000 * np.einsum("nc,nci->ni", weights, surface[chosen])
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    best = int(apart.sum(axis=1).argmin())
    return chosen[best], weights[best], float(np.median(apart[best]))


def made_with(seed: int) -> dict[str, object]:
    """What the correspondence depends on."""
    names = ("anny", "mediapipe", "numpy", "opencv-python-headless")
    versions = {name: importlib.metadata.version(name) for name in names}
    command = "python -m nonverbal.cues.face_correspondence"
    return {"command": command, "seed": seed, "people": PEOPLE, "pictures": PICTURES, "versions": versions}


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m nonverbal.cues.face_correspondence", description=__doc__).parse_args()
    find(PEOPLE, PICTURES, SEED).save(CORRESPONDENCE)
    sys.stdout.write(f"{CORRESPONDENCE}\n")
