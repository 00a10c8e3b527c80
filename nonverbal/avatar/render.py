"""Coloured triangles to pictures in software (cv2.triangleRasterize): needs no GPU, OpenGL or display."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import scipy.sparse

NEAR_M, FAR_M = 0.1, 20.0
SUPERSAMPLING = 2  # picture is drawn this many times larger, then averaged
# Direction to each lamp and its colour (RGB): key, fill, rim.
LIGHTS = (
    ((0.45, 0.55, 0.70), (0.60, 0.56, 0.51)),
    ((-0.75, 0.25, 0.60), (0.20, 0.22, 0.26)),
    ((0.0, 0.7, -0.7), (0.16, 0.15, 0.14)),
)
AMBIENT = (0.38, 0.38, 0.40)
GLOSS = 24  # exponent: the larger, the smaller the highlight


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in world axes (y up).

    Args:
        eye, target: where it is and what it looks at, metres.
        fov_deg: vertical field of view.
        width, height: picture, pixels.
    """

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    fov_deg: float
    width: int
    height: int

    @cached_property
    def world_to_camera(self) -> np.ndarray:
        """Rigid transform float32 [4, 4]; the camera looks along its -z, y up."""
        eye, back = np.array(self.eye), np.array(self.eye) - np.array(self.target)
        back = back / np.linalg.norm(back)
        right = np.cross([0.0, 1.0, 0.0], back)
        right /= np.linalg.norm(right)
        transform = np.eye(4)
        transform[:3, :3] = np.stack([right, np.cross(back, right), back])
        transform[:3, 3] = -transform[:3, :3] @ eye
        return transform.astype(np.float32)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [..., 2] and distances along the view [...] of world points [..., 3]."""
        inside = points @ self.world_to_camera[:3, :3].T + self.world_to_camera[:3, 3]
        depth = -inside[..., 2]
        focal = self.height / 2 / np.tan(np.radians(self.fov_deg) / 2)
        x = self.width / 2 + focal * inside[..., 0] / depth
        y = self.height / 2 - focal * inside[..., 1] / depth
        return np.stack([x, y], axis=-1), depth


@dataclass(frozen=True)
class Mesh:
    """What does not change of a surface: triangles int32 [F, 3], colours RGB in 0..1 [V, 3], highlight strength [V]."""

    faces: np.ndarray
    colours: np.ndarray
    shine: np.ndarray


@dataclass(frozen=True)
class Surface:
    """A mesh at one moment: vertices [V, 3] in metres and unit normals [V, 3]."""

    mesh: Mesh
    vertices: np.ndarray
    normals: np.ndarray


class Normals:
    """Smooth vertex normals of a triangle mesh.

    Args:
        faces: [F, 3].
        vertices: how many there are.
    """

    def __init__(self, faces: np.ndarray, vertices: int) -> None:
        self.faces = faces
        rows, columns = faces.T.ravel(), np.tile(np.arange(len(faces)), 3)
        ones = np.ones(len(rows), np.float32)
        self.gather = scipy.sparse.csr_array((ones, (rows, columns)), shape=(vertices, len(faces)))

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        """Normals [V, 3] at vertices [V, 3]."""
        a, b, c = (vertices[self.faces[:, i]] for i in range(3))
        return unit(self.gather @ np.cross(b - a, c - a))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] scaled to length 1; those of length 0 stay."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return vectors / np.maximum(length, 1e-12)[..., None]


def shade(surface: Surface, eye: Sequence[float]) -> np.ndarray:
    """Lit colours [V, 3] float32 for a viewer at `eye`: ambient, three lamps, the key lamp's highlight."""
    normals, mesh = np.asarray(surface.normals, np.float32), surface.mesh
    lamps = unit(np.array([direction for direction, _ in LIGHTS], np.float32))
    facing = np.clip(0.85 * (normals @ lamps.T) + 0.15, 0, 1)
    light = facing @ np.array([colour for _, colour in LIGHTS], np.float32) + np.asarray(AMBIENT, np.float32)
    halfway = unit(unit(np.asarray(eye, np.float32) - surface.vertices) + lamps[0])
    gloss = mesh.shine * np.clip(np.einsum("vi,vi->v", normals, halfway), 0, 1) ** GLOSS
    return np.clip(mesh.colours * light + gloss[:, None], 0, 1, dtype=np.float32)


class Canvas:
    """What one camera sees: a still background drawn once, and what moves in front of it.

    Args:
        camera: the view.
        still: surfaces that never move.
        sky: colour where there is nothing, RGB in 0..1.
    """

    def __init__(
        self, camera: Camera, still: Sequence[Surface], sky: tuple[float, float, float] = (0.1, 0.1, 0.1)
    ) -> None:
        self.camera = camera
        size = (camera.height * SUPERSAMPLING, camera.width * SUPERSAMPLING)
        self.colour = np.full((*size, 3), sky, np.float32)
        self.depth = np.full(size, FAR_M, np.float32)
        for surface in still:
            self._rasterize(surface, self.colour, self.depth)

    def draw(self, moving: Sequence[Surface]) -> np.ndarray:
        """One picture, uint8 RGB [height, width, 3]."""
        return self.draw_with_depth(moving)[0]

    def draw_with_depth(self, moving: Sequence[Surface]) -> tuple[np.ndarray, np.ndarray]:
        """One picture, and the distance along the view of what it shows, metres [2 height, 2 width]."""
        colour, depth = self.colour.copy(), self.depth.copy()
        for surface in moving:
            self._rasterize(surface, colour, depth)
        picture = cv2.resize(colour, (self.camera.width, self.camera.height), interpolation=cv2.INTER_AREA)
        return cv2.convertScaleAbs(picture, alpha=255), depth

    def _rasterize(self, surface: Surface, colour: np.ndarray, depth: np.ndarray) -> None:
        vertices = np.ascontiguousarray(surface.vertices, np.float32)
        lit = shade(surface, self.camera.eye)
        view, fov = self.camera.world_to_camera, float(np.radians(self.camera.fov_deg))
        cv2.triangleRasterize(vertices, surface.mesh.faces, lit, colour, depth, view, fov, NEAR_M, FAR_M)
