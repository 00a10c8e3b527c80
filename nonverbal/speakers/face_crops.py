"""Faces of tracks as Light-ASD wants them, cut while a clip is decoded, and handed on in pieces of a few seconds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from nonverbal.speakers.boxes import centres

SIDE = 112  # pixels
# Published crop: 1.4 times the height of a box from forehead to chin, centred lower by 0.2 of it; the middle half of
# that is used. Our boxes are FACE times as high as such a box, and LOWER of their size too low (see `faces`).
FACE, LOWER = 0.92, 0.03
CROP, DOWN = 0.7 / FACE, 0.2 / FACE - LOWER
STEADY = 13  # frames of the running median over boxes
OUTSIDE = (110, 110, 110)  # colour of what lies outside the picture


@dataclass(frozen=True)
class Piece:
    """Successive faces of one track.

    Attributes:
        track: its id.
        first: place of the first face in the track.
        faces: grey, uint8 [n, 112, 112].
        seam: place in the track of the cut that the piece spans; None for a piece between cuts.
    """

    track: int
    first: int
    faces: np.ndarray
    seam: int | None = None


def crop_squares(tracks: pd.DataFrame) -> pd.DataFrame:
    """Where to cut each face of table `tracks` (rows of a track in order): track_id, frame, x, y, side in pixels."""
    boxes = tracks[["face_x0", "face_y0", "face_x1", "face_y1"]].to_numpy(dtype=float)
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    squares = tracks[["track_id", "frame"]].assign(x=centres(boxes)[:, 0], y=centres(boxes)[:, 1], side=size)
    columns = ["x", "y", "side"]
    for _, rows in squares.groupby("track_id").groups.items():
        squares.loc[rows, columns] = median_filter(squares.loc[rows, columns], size=(STEADY, 1), mode="nearest")
    squares["y"] += DOWN * squares["side"]
    squares["side"] *= CROP
    return squares


def cut_faces(frames: Iterable[np.ndarray], squares: pd.DataFrame) -> Iterator[tuple[int, np.ndarray]]:
    """Track and grey face, uint8 [112, 112], of each square as its frame, uint8 RGB, comes by."""
    in_frame = dict(list(squares.groupby("frame")[["track_id", "x", "y", "side"]]))
    for number, frame in enumerate(frames):
        if number in in_frame:
            for track, x, y, side in in_frame[number].itertuples(index=False):
                yield track, cut_square(frame, x, y, side)


def cut_square(frame: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """The square about (x, y) of a uint8 RGB frame, grey, uint8 [112, 112]."""
    scale = side / SIDE
    place = np.array([[scale, 0, x - side / 2 + scale / 2 - 0.5], [0, scale, y - side / 2 + scale / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(frame, place, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE)
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)


def pieces(faces: Iterable[tuple[int, np.ndarray]], lengths: dict[int, int], step: int, reach: int) -> Iterator[Piece]:
    """Tracks in pieces, each as soon as its last face has come; no more than two pieces a track are held.

    Args:
        faces: track and face, in order of time.
        lengths: faces of each track.
        step: faces from one cut to the next; the last piece of a track may be shorter.
        reach: above 0, each cut is spanned by a further piece, of up to twice this many faces on either side.
    """
    held: dict[int, list[np.ndarray]] = defaultdict(list)
    before: dict[int, np.ndarray] = {}
    done: dict[int, int] = defaultdict(int)
    for track, face in faces:
        held[track].append(face)
        done[track] += 1
        if done[track] % step and done[track] < lengths[track]:
            continue
        piece = np.stack(held.pop(track))
        cut = done[track] - len(piece)
        yield Piece(track, cut, piece)
        if reach and cut:
            tail, head = before[track][-2 * reach :], piece[: 2 * reach]
            yield Piece(track, cut - len(tail), np.concatenate([tail, head]), seam=cut)
        before[track] = piece
