"""Finding faces and mouths: what a backend of rule `tracks` must do, and the embedded one."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from nonverbal.models import model_path
from nonverbal.speakers.boxes import overlaps

# FaceMesh's landmarks of the inner lips: pairs above and below, and the corners.
LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
LIP_CORNERS = (78, 308)
CHEEKS, NOSE = (234, 454), 1  # by the ears, the picture's left one first; the tip
# The detector's box against the landmarks' (forehead to chin): size in landmark heights, and how much lower its
# centre lies, in box sizes; medians of 2,004 faces.
BOX_SIZE, BOX_LOWER = 0.92, 0.03
CROP = 3.0  # face boxes a side that the mesh is shown: it finds 95 % of small real faces, 92 % of them with 1.5 to 2.5
LEAST_MESH = 0.5  # score of the mesh's own face detector
SAME_FACE = 0.3  # intersection over union of a box and the mesh found for it


@dataclass(frozen=True)
class Mouth:
    """A face seen closely.

    Attributes:
        box: [4], as the detector would draw it.
        opening: lip gap / mouth width.
        facing: where the nose is between the cheeks: -1 at the picture's left one, 0 half way, 1 at the right one.
    """

    box: np.ndarray
    opening: float
    facing: float = 0.0


class FaceFinder(Protocol):
    """A backend: it sees one frame at a time and remembers none, so clips may come in any order."""

    def detect(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Face boxes float [n, 4] and scores float [n] in a uint8 RGB frame."""

    def mouth(self, frame: np.ndarray, box: np.ndarray) -> Mouth | None:
        """The mouth of the face at a box [4], or None when there is no face to be seen closely."""


class MediapipeFaces:
    """Full-range face detection on the frame, FaceMesh with attention on each face's surroundings.

    On a whole frame with two persons FaceMesh finds nothing, hence the crops.
    """

    def __init__(self, lowest_score: float) -> None:
        from mediapipe.python.solutions import face_detection, face_mesh

        for model in ("mediapipe_face_detection", "mediapipe_face_mesh_refined"):
            model_path(model)
        self.detector = face_detection.FaceDetection(model_selection=1, min_detection_confidence=lowest_score)
        self.mesh = face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=LEAST_MESH
        )

    def detect(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `FaceFinder.detect`."""
        height, width = frame.shape[:2]
        found = self.detector.process(frame).detections or []
        boxes = [detection.location_data.relative_bounding_box for detection in found]
        corners = [(box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height) for box in boxes]
        scores = np.array([detection.score[0] for detection in found], dtype=float)
        return np.array(corners, dtype=float).reshape(-1, 4) * [width, height, width, height], scores

    def mouth(self, frame: np.ndarray, box: np.ndarray) -> Mouth | None:
        """See `FaceFinder.mouth`."""
        centre, size = (box[:2] + box[2:]) / 2, int(CROP * max(box[2] - box[0], box[3] - box[1]))
        # The mesh wants a square; what lies outside the picture repeats its edge.
        crop = cv2.getRectSubPix(frame, (size, size), tuple(centre.tolist()))
        meshes = self.mesh.process(crop).multi_face_landmarks
        if not meshes:
            return None
        points = np.array([(p.x, p.y, p.z) for p in meshes[0].landmark]) * size
        points[:, :2] += centre - (size - 1) / 2
        seen = _detector_box(points)
        # A neighbour's face in the crop is not this one.
        return (
            Mouth(seen, _opening(points), _facing(points))
            if overlaps(box[None], seen[None])[0, 0] >= SAME_FACE
            else None
        )


def _detector_box(points: np.ndarray) -> np.ndarray:
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    size = BOX_SIZE * (high[1] - low[1])
    middle = (low + high) / 2 + [0, BOX_LOWER * size]
    return np.concatenate([middle - size / 2, middle + size / 2])


def _opening(points: np.ndarray) -> float:
    gaps = [np.linalg.norm(points[above] - points[below]) for above, below in LIP_PAIRS]
    return float(np.mean(gaps) / max(np.linalg.norm(points[LIP_CORNERS[0]] - points[LIP_CORNERS[1]]), 1e-9))


def _facing(points: np.ndarray) -> float:
    left, right, nose = points[[*CHEEKS, NOSE], :2]
    across = right - left
    return float(np.clip(2 * (nose - left) @ across / max(across @ across, 1e-9) - 1, -1, 1))


BACKENDS = {"mediapipe": MediapipeFaces}
