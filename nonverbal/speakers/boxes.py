"""Boxes in pixels, float [n, 4] as x0, y0, x1, y1: overlap, scaling, clipping, and a person's box from the face's."""

import numpy as np
from scipy.ndimage import median_filter

# A seated person in face sizes (mean of face width and height) from the face's centre, hands in the lap or raised.
PERSON_UP, PERSON_DOWN, PERSON_SIDE = 1.3, 5.2, 2.7
STEADY = 25  # frames of the running median that keeps person boxes from trembling with the face's


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each box in a [n, 4] with each in b [m, 4]: [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-9)


def centres(boxes: np.ndarray) -> np.ndarray:
    """Centres of boxes [n, 4]: [n, 2]."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def scaled(boxes: np.ndarray, factor: float) -> np.ndarray:
    """Boxes [n, 4] scaled about their centres."""
    middle, half = centres(boxes), (boxes[:, 2:] - boxes[:, :2]) / 2 * factor
    return np.hstack([middle - half, middle + half])


def clipped(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes [n, 4] cut at the picture's edges."""
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=boxes.dtype))


def person_boxes(faces: np.ndarray, tracks: np.ndarray, frames: np.ndarray, width: int, height: int) -> np.ndarray:
    """Head, shoulders, torso and hands of seated persons, estimated from their faces.

    Each box ends half way to the next face on either side, and at the picture's edge.

    Args:
        faces: boxes [n, 4], one row a track a frame.
        tracks: track id of each row.
        frames: frame of each row.
        width, height: of the picture.
    """
    steady = np.empty_like(faces)
    for track in np.unique(tracks):
        rows = tracks == track
        steady[rows] = median_filter(faces[rows], size=(STEADY, 1), mode="nearest")
    middle = centres(steady)
    size = (steady[:, 2:] - steady[:, :2]).mean(axis=1)
    left, right = middle[:, 0] - PERSON_SIDE * size, middle[:, 0] + PERSON_SIDE * size
    order = np.lexsort((middle[:, 0], frames))
    beside = frames[order[:-1]] == frames[order[1:]]
    one, next_one = order[:-1][beside], order[1:][beside]
    border = (middle[one, 0] + middle[next_one, 0]) / 2
    right[one], left[next_one] = np.minimum(right[one], border), np.maximum(left[next_one], border)
    top, bottom = middle[:, 1] - PERSON_UP * size, middle[:, 1] + PERSON_DOWN * size
    return clipped(np.stack([left, top, right, bottom], axis=1), width, height)
