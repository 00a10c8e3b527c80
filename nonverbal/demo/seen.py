"""What a camera sees of a person's face, forearms and hands, and how far the face is turned away from it."""

from functools import cached_property

import numpy as np
import torch

from nonverbal.avatar.dress import Person, regions
from nonverbal.avatar.render import Camera
from nonverbal.avatar.skeleton import JOINTS, forward_kinematics, joint_rotations
from nonverbal.demo.truth_files import SIDED
from nonverbal.layouts import HAND_JOINTS

PARTS = ("face", *SIDED)
HEAD = JOINTS.index("head")
LAYERS_M = 0.025  # hair and cloth that lie on a part do not hide it
MOSTLY = 0.5  # skinning weight from which a point belongs to a part


class Seen:
    """Shares of one person's parts that pictures show.

    Args:
        person: whose body it is.
    """

    def __init__(self, person: Person) -> None:
        self.person = person

    @cached_property
    def triangles(self) -> dict[str, np.ndarray]:
        """Triangles of the body's mesh, [F, 3], by part."""
        avatar = self.person.avatar
        faces = avatar.faces.numpy()
        in_face = np.zeros(len(avatar.rest_vertices), bool)
        in_face[self.person.face] = True
        parts = {"face": faces[regions()["head"] & in_face[faces].all(axis=1)]}
        for side in ("left", "right"):
            hand = [f"{side}_{joint}" for joint in ("wrist", *HAND_JOINTS)]
            for part, joints in (("forearm", [f"{side}_elbow"]), ("hand", hand)):
                weight = avatar.weights[:, [JOINTS.index(joint) for joint in joints]].sum(dim=1).numpy()
                parts[f"{side}_{part}"] = faces[(weight[faces] > MOSTLY).all(axis=1)]
        return parts

    def shares(self, vertices: np.ndarray, camera: Camera, depth: np.ndarray) -> dict[str, float]:
        """By PARTS, how much of the area that faces the camera lies in the picture with nothing before it, 0..1.

        Args:
            vertices: the body's, world metres [V, 3].
            camera: the view.
            depth: distance along the view of what the picture shows, [H, W], of any resolution.
        """
        places, distances = camera.project(vertices)
        scale = depth.shape[1] / camera.width
        return {part: _share(places[faces], distances[faces], depth, scale) for part, faces in self.triangles.items()}

    def turned(self, ahead: np.ndarray, vertices: np.ndarray, camera: Camera) -> float:
        """Degrees from where the face looks, a direction in the world [3], to the camera's."""
        towards = np.array(camera.eye) - vertices[self.person.face].mean(axis=0)
        return float(np.degrees(np.arccos(np.clip(ahead @ towards / np.linalg.norm(towards), -1, 1))))

    def ahead(self, body: np.ndarray) -> np.ndarray:
        """Where the face looks, directions in the world [N, 3], for body features [N, 179]."""
        rotations = joint_rotations(torch.from_numpy(body))
        return forward_kinematics(rotations, self.person.avatar.rest_joints)[0][:, HEAD, :, 2].numpy()


def _share(places: np.ndarray, distances: np.ndarray, depth: np.ndarray, scale: float) -> float:
    """Of triangles at pixels [F, 3, 2] and distances [F, 3]."""
    a, b = places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]
    area = np.clip(a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1], 0, None)  # those that face the camera turn left on the way up
    column, row = (places.mean(axis=1) * scale).astype(int).T
    height, width = depth.shape
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    before = depth[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    shown = inside & (before > distances.mean(axis=1) - LAYERS_M)
    return float(area[shown].sum() / area.sum()) if area.any() else 0.0
