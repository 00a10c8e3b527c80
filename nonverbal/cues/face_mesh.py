"""mediapipe's face mesh (468 points and the irises) on face crops."""

from pathlib import Path

import numpy as np
import pandas as pd
from mediapipe.python.solutions.face_mesh import FaceMesh

from nonverbal.cues.frames import FACE, Crop, Trackers, crop, pictures
from nonverbal.models import model_path

POINTS = 478
TO_AXES = np.array([1, -1, -1], np.float32)  # pixels (right, down, away) -> the person's (left, up, forward)


def new_mesh(still: bool = False) -> FaceMesh:
    """A face mesh with refined eyes and lips, for one face a picture."""
    model_path("mediapipe_face_mesh_refined")
    return FaceMesh(static_image_mode=still, refine_landmarks=True, max_num_faces=1)


def find_points(mesh: FaceMesh, view: Crop) -> np.ndarray | None:
    """Points [478, 3] in pixels of the whole picture (x right, y down, z away from the camera); None without a face."""
    found = mesh.process(view.picture).multi_face_landmarks
    if not found:
        return None
    points = np.array([(point.x, point.y, point.z) for point in found[0].landmark], np.float32)
    return points * view.scale + np.array([view.x, view.y, 0], np.float32)


def clip_points(video: Path, seen: pd.DataFrame, meshes: Trackers[FaceMesh], scale: float) -> np.ndarray:
    """Face points of each sighting, [len(seen), 478, 3] pixels; NaN where no mesh was found.

    Args:
        video: the clip.
        seen: sightings, in order of frames.
        meshes: one mesh a track.
        scale: of the face box, about its centre.
    """
    points = np.full((len(seen), POINTS, 3), np.nan, np.float32)
    frames, tracks, boxes = seen["frame"].to_numpy(), seen["track_id"].to_numpy(), seen[FACE].to_numpy()
    meshes.clear()
    for row, picture in pictures(video, frames):
        view = crop(picture, boxes[row], scale, square=True)
        found = view and find_points(meshes.get(int(tracks[row]), int(frames[row])), view)
        if found is not None:
            points[row] = found
    return points
