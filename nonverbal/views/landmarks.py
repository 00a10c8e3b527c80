"""Landmarks in the picture, where the smoothed parameters put them; the face's also as the mesh finds them."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.model import Avatar
from nonverbal.avatar.skeleton import JOINTS, PARENTS, forward_kinematics
from nonverbal.layouts import OPEN_FACE
from nonverbal.views.found import Found
from nonverbal.views.motion import FACE, PARTS, Motion
from nonverbal.views.paint import Colour

MARGIN = 1.5  # of the face box, for the face mesh
SMALL_PX = 90  # a narrower face would be hidden by its own points
ROUNDS = 4  # of a face's form and its place in each frame
SEEN = 0.5  # visibility from which a point of the pose counts
# Joint -> mediapipe's pose point; these fix where the skeleton lies in the picture.
ANCHORS = {
    "left_shoulder": 11, "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14, "left_wrist": 15, "right_wrist": 16,
}  # fmt: skip
TRUNK = (
    "root",
    "spine1",
    "spine2",
    "spine3",
    *(f"{side}_{name}" for side in ("left", "right") for name in ("hip", "knee", "ankle")),
)


class Landmarks(NamedTuple):
    """Pixels of the clip over the frames of a motion, NaN where unknown.

    Args:
        mesh: the face's points as found, [T, 478, 2].
        face: the same points as the parameters put them, [T, 478, 2]; FLAME's numbers say nothing of them.
        joints: the avatar's, [T, 52, 2].
    """

    mesh: np.ndarray
    face: np.ndarray
    joints: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """The face's points where the parameters put them, as found where they say nothing, [T, 478, 2]."""
        return np.where(np.isfinite(self.face), self.face, self.mesh)


def landmarks(found: Found, motion: Motion, avatar: Avatar) -> Landmarks:
    """A speaker's face points, and the avatar's joints as seen in the picture.

    The parameters hold no camera. The skeleton is scaled once a track and shifted in each frame onto the shoulders,
    elbows and wrists that mediapipe sees: lines beside an arm show an error of its angles, or arms of another length.
    The face is scaled and shifted in each frame onto the mesh found, and has the mean form of the motion's frames.
    """
    from nonverbal.cues.face_mesh import POINTS, clip_points, new_mesh
    from nonverbal.cues.frames import Trackers, sightings
    from nonverbal.cues.pose import POSE_POINTS, PoseFinder

    span, rows = motion.span, found.crops
    here = (rows["speaker"] == motion.speaker) & rows["frame"].between(span.first, span.stop - 1)
    seen = sightings(rows[here])
    place = (seen["frame"] - span.first).to_numpy()
    mesh = np.full((len(span), POINTS, 3), np.nan, np.float32)
    pose = np.full((len(span), POSE_POINTS, 2), np.nan, np.float32)
    tracks = np.full(len(span), -1)
    if len(seen):
        mesh[place] = clip_points(found.video, seen, Trackers(new_mesh), MARGIN)
        tracks[place] = seen["track_id"]
        points = PoseFinder()(found.video, seen)
        pose[place] = np.where(points.visibility[..., None] < SEEN, np.nan, points.pixels)
    return Landmarks(mesh[..., :2], project_face(motion, mesh), project(motion, avatar, pose, tracks))


def project_face(motion: Motion, mesh: np.ndarray) -> np.ndarray:
    """The face's points [T, 478, 2] where facial actions and head rotation put them.

    Args:
        motion: the parameters.
        mesh: points found [T, 478, 3], pixels, NaN where none.
    """
    from nonverbal.cues.open_face import INSTRUMENT, TO_AXES, load_instrument

    placed = np.full((*mesh.shape[:2], 2), np.nan, np.float32)
    rows = np.flatnonzero(motion.known[FACE] & motion.known_turn & np.isfinite(mesh).all(axis=(1, 2)))
    if motion.layout is not OPEN_FACE or not len(rows):
        return placed
    instrument = load_instrument(INSTRUMENT)
    turns = Rotation.from_rotvec(motion.face[rows][:, slice(*OPEN_FACE.groups["global"])]).as_matrix()
    points = np.einsum("tji,tpj->tpi", turns, mesh[rows] * TO_AXES)  # the head turned back
    moved = np.einsum("ta,api->tpi", motion.actions[rows], instrument.response)
    form = instrument.reference
    for _ in range(ROUNDS):
        shape = form + moved
        middle, centre = (values.mean(axis=1, keepdims=True) for values in (shape, points))
        scale = ((points - centre) * (shape - middle)).sum(axis=(1, 2)) / ((shape - middle) ** 2).sum(axis=(1, 2))
        back = (points - centre) / scale[:, None, None] + middle
        form = np.median(back - moved, axis=0)
    fitted = scale[:, None, None] * (form + moved - middle) + centre
    placed[rows] = (np.einsum("tij,tpj->tpi", turns, fitted) * TO_AXES)[..., :2]
    return placed


def project(motion: Motion, avatar: Avatar, pose: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """The motion's joints in the picture [T, 52, 2], laid onto pose points [T, 33, 2] by scale and shift.

    Args:
        motion: rotations.
        avatar: the skeleton they turn.
        pose: NaN where a point is not seen.
        tracks: number [T] of the track that each frame is of; each has one scale.
    """
    _, joints = forward_kinematics(torch.from_numpy(motion.joint_rotations()), avatar.rest_joints)
    flat = joints.numpy()[..., :2] * (1, -1)
    source, target = flat[:, [JOINTS.index(joint) for joint in ANCHORS]], pose[:, list(ANCHORS.values())]
    source = np.where(np.isfinite(target), source, np.nan)
    enough = np.isfinite(target).all(axis=2).sum(axis=1) >= 2
    placed = np.full(flat.shape, np.nan, np.float32)
    for track in np.unique(tracks[enough]):
        rows = np.flatnonzero(enough & (tracks == track))
        before, after = (np.nanmean(points[rows], axis=1, keepdims=True) for points in (source, target))
        away, wanted = source[rows] - before, target[rows] - after
        scale = np.nansum(away * wanted) / np.nansum(away**2)
        placed[rows] = scale * (flat[rows] - before) + after
    for part, named in PARTS.items():
        for joint in named:
            placed[~motion.known[part], JOINTS.index(joint)] = np.nan
    return placed


def draw_face(canvas: np.ndarray, points: np.ndarray, colour: Colour) -> None:
    """Face points [478, 2], in pixels of the canvas, as dots: every fourth where the face is small."""
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return
    every = 1 if np.ptp(known[:, 0]) > SMALL_PX else 4
    for x, y in _pixels(known[::every], 1.0):
        cv2.circle(canvas, (x, y), 1, colour, -1)


def draw_body(canvas: np.ndarray, marks: Landmarks, frame: int, scale: float) -> None:
    """The upper body's bones as lines, in a picture scaled by `scale`."""
    joints = marks.joints[frame]
    for bone in upper_bones():
        if np.isfinite(joints[list(bone)]).all():
            start, end = _pixels(joints[list(bone)], scale)
            cv2.line(canvas, start, end, (255, 255, 255), 2, cv2.LINE_AA)


def upper_bones() -> list[tuple[int, int]]:
    """Joints at both ends of each bone above the trunk."""
    return [(joint, parent) for joint, parent in enumerate(PARENTS) if parent >= 0 and JOINTS[parent] not in TRUNK]


def _pixels(points: np.ndarray, scale: float) -> list[tuple[int, int]]:
    known = points[np.isfinite(points).all(axis=1)]
    return [(round(x), round(y)) for x, y in (known * scale).tolist()]
