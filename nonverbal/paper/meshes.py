"""Single frames of face and body parameters as meshes on white paper."""

import numpy as np

from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.views.figure import Figures, Screen
from nonverbal.views.found import Span
from nonverbal.views.motion import Motion, resting

WHITE = (1.0, 1.0, 1.0)
LEAST_PX = 16  # of a picture that is not wanted
CROP, CROP_TOP = (0.14, 0.86), 0.24  # of the view of a face: from left to right, and its top


def motion_of_frames(
    face: np.ndarray | None = None, body: np.ndarray | None = None, layout: Layout = OPEN_FACE
) -> Motion:
    """Frames that need not follow each other as a motion; what is unknown is at rest.

    Of what is trained, the unknown is marked so; what is not trained is taken as it is.

    Args:
        face, body: features [N, 156] and [N, 179], NaN where unknown; None where there is none of the part.
        layout: of the face.
    """
    count = len(face if face is not None else body if body is not None else ())
    values = {
        "face": np.full((count, FACE_FEATURES), np.nan) if face is None else face,
        "body": np.full((count, BODY_FEATURES), np.nan) if body is None else body,
    }
    known = {part: np.isfinite(one) for part, one in values.items()}
    known["face"][:, slice(None) if face is None else slice(*layout.groups["global"])] = True
    known["face"][:, slice(*layout.groups["shape"])] = layout is FLAME_FACE  # a shape says that a face is FLAME's
    known["body"][:, slice(None) if body is None else np.setdiff1d(np.arange(BODY_FEATURES), SMPLX_BODY.index)] = True
    filled = {"face": np.nan_to_num(values["face"])}
    filled["body"] = np.where(np.isfinite(values["body"]), values["body"], resting())
    moved = {part: one.astype(np.float32) for part, one in filled.items()}
    return Motion(0, Span(0, count), moved["face"], moved["body"], known["face"], known["body"])


def layout_of(features: np.ndarray) -> Layout:
    """What faces' numbers [N, 156] mean: facial actions, unless a shape is known, which FLAME alone has."""
    return FLAME_FACE if np.isfinite(features[:, slice(*FLAME_FACE.groups["shape"])]).any() else OPEN_FACE


def faces(
    figures: Figures, features: np.ndarray, size_px: int, layout: Layout = OPEN_FACE
) -> tuple[list[np.ndarray], str]:
    """A face from near by for each of features [N, 156], uint8 RGB squares; and which model it is."""
    if not len(features):
        return [], ""
    screen = Screen(figures, motion_of_frames(face=features, layout=layout), WHITE)
    whole = round(size_px / (CROP[1] - CROP[0]))
    side, top = slice(round(CROP[0] * whole), round(CROP[1] * whole)), round(CROP_TOP * whole)
    pictures = [screen.draw(frame, (LEAST_PX, LEAST_PX), (whole, whole))[1] for frame in range(len(features))]
    return [picture[top : top + side.stop - side.start, side] for picture in pictures], screen.caption


def medoid(features: np.ndarray) -> int:
    """The row of features [N, F] that is nearest to their mean; numbers that are not always known do not count."""
    known = features[:, np.isfinite(features).all(axis=0)]
    return int(np.linalg.norm(known - known.mean(axis=0), axis=1).argmin())


def bodies(figures: Figures, features: np.ndarray, size_px: int) -> tuple[list[np.ndarray], str]:
    """A body from the front for each of features [N, 179], uint8 RGB squares; and which model it is."""
    if not len(features):
        return [], ""
    screen = Screen(figures, motion_of_frames(body=features), WHITE)
    small, whole = (LEAST_PX, LEAST_PX), (size_px, size_px)
    return [screen.draw(frame, whole, small)[0] for frame in range(len(features))], screen.body.caption
