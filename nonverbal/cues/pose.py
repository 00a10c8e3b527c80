"""mediapipe's pose and hands on person crops."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from mediapipe.framework.formats.landmark_pb2 import LandmarkList
from mediapipe.python.solutions.hands import Hands
from mediapipe.python.solutions.pose import Pose

from nonverbal.cues.frames import PERSON, Crop, Trackers, crop, pictures
from nonverbal.models import model_path

SIDES = ("left", "right")
POSE_POINTS, HAND_POINTS = 33, 21
MODELS = ("pose_detection", "pose", "palm_detection", "hand", "hand_recrop")
SHOULDERS, WRISTS, KNUCKLES = (11, 12), (15, 16), ((17, 19), (18, 20))  # of mediapipe's pose
SEEN = 0.5  # visibility of a wrist above which its hand is looked for
HAND_VIEW = 1.3  # side of the hand's crop over the distance of the shoulders
# The hand network takes pictures to be mirrored, so that it calls a person's left hand "Right".
CALLED = {"left": "Right", "right": "Left"}


class Points(NamedTuple):
    """World points of each sighting in metres: x to the picture's right, y up, z to the camera; NaN where unknown.

    Args:
        pose: [N, 33, 3], about the middle of the hips.
        flat: the pose's points in the picture, [N, 33, 2] pixels from its middle, x right, y up.
        visibility: of the pose's points, [N, 33] in 0..1.
        hands: left and right, [N, 2, 21, 3], about the middle of the hand.
        hands_flat: the hands' points in the picture, [N, 2, 21, 2], likewise.
        hand_score: [N, 2] in 0..1, 0 where a hand was not found.
        size: width and height of the picture, [N, 2] pixels.
    """

    pose: np.ndarray
    flat: np.ndarray
    visibility: np.ndarray
    hands: np.ndarray
    hands_flat: np.ndarray
    hand_score: np.ndarray
    size: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """The pose's points in pixels of the picture, from its upper left corner, y down, [N, 33, 2]."""
        return self.flat * (1, -1) + self.size[:, None] / 2

    def inside(self, flat: np.ndarray) -> np.ndarray:
        """Pixels from points in the picture [N, ..., 2] to its nearest edge, [N, ...]; negative outside."""
        half = self.size.reshape(len(flat), *(1,) * (flat.ndim - 2), 2) / 2
        return (half - np.abs(flat)).min(axis=-1)


def unknown_points(sightings: int) -> Points:
    """Nothing found yet."""
    return Points(
        np.full((sightings, POSE_POINTS, 3), np.nan, np.float32),
        np.full((sightings, POSE_POINTS, 2), np.nan, np.float32),
        np.zeros((sightings, POSE_POINTS), np.float32),
        np.full((sightings, len(SIDES), HAND_POINTS, 3), np.nan, np.float32),
        np.full((sightings, len(SIDES), HAND_POINTS, 2), np.nan, np.float32),
        np.zeros((sightings, len(SIDES)), np.float32),
        np.full((sightings, 2), np.nan, np.float32),
    )


class PoseFinder:
    """Pose and hands of everybody in a clip, followed from frame to frame."""

    def __init__(self) -> None:
        for model in MODELS:
            model_path(f"mediapipe_{model}")
        self._poses = Trackers(lambda: Pose(model_complexity=1))
        self._hands = [Trackers(lambda: Hands(max_num_hands=1)) for _ in SIDES]

    def __call__(self, video: Path, seen: pd.DataFrame) -> Points:
        """World points of each sighting of a clip."""
        points = unknown_points(len(seen))
        frames, tracks, boxes = seen["frame"].to_numpy(), seen["track_id"].to_numpy(), seen[PERSON].to_numpy()
        for trackers in (self._poses, *self._hands):
            trackers.clear()
        for row, picture in pictures(video, frames):
            view = crop(picture, boxes[row])
            if view is not None:
                self._look(picture, view, int(tracks[row]), int(frames[row]), row, points)
        return points

    def _look(self, picture: np.ndarray, view: Crop, track: int, frame: int, row: int, points: Points) -> None:
        found = self._poses.get(track, frame).process(view.picture)
        if not found.pose_landmarks:
            return
        points.pose[row] = _array(found.pose_world_landmarks) * (1, -1, -1)
        flat, size = in_picture(found.pose_landmarks, view), picture.shape[1::-1]
        points.visibility[row] = [point.visibility for point in found.pose_landmarks.landmark]
        points.flat[row], points.size[row] = from_middle(flat, size), size
        for side, name in enumerate(SIDES):
            if points.visibility[row, WRISTS[side]] < SEEN:
                continue
            near = crop(picture, hand_box(flat, side))
            hand = near and find_hand(self._hands[side].get(track, frame), near, name)
            if hand:
                points.hands[row, side], points.hand_score[row, side] = hand.world, hand.score
                points.hands_flat[row, side] = from_middle(hand.flat, size)


def hand_box(flat: np.ndarray, side: int) -> np.ndarray:
    """Square (x0, y0, x1, y1) about a hand, from the pose's points [33, 2] in pixels."""
    wrist, knuckles = flat[WRISTS[side]], flat[list(KNUCKLES[side])].mean(axis=0)
    shoulders = float(np.linalg.norm(flat[SHOULDERS[0]] - flat[SHOULDERS[1]]))
    half = HAND_VIEW / 2 * max(shoulders, 3 * float(np.linalg.norm(knuckles - wrist)))
    return np.concatenate([knuckles - half, knuckles + half])


class Hand(NamedTuple):
    """World points [21, 3], points in the picture [21, 2] pixels, x right, y down, and score of one hand."""

    world: np.ndarray
    flat: np.ndarray
    score: float


def find_hand(hands: Hands, view: Crop, side: str) -> Hand | None:
    """A side's hand; None where there is none or it is the other side's."""
    found = hands.process(view.picture)
    if not found.multi_hand_world_landmarks:
        return None
    label = found.multi_handedness[0].classification[0]
    if label.label != CALLED[side]:
        return None
    world = _array(found.multi_hand_world_landmarks[0]) * (1, -1, -1)
    return Hand(world, in_picture(found.multi_hand_landmarks[0], view), label.score)


def in_picture(landmarks: LandmarkList, view: Crop) -> np.ndarray:
    """Pixels of a crop's landmarks in its picture, x right, y down, [P, 2]."""
    return (_array(landmarks) * view.scale)[:, :2] + (view.x, view.y)


def from_middle(pixels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Pixels [P, 2] of a picture of (width, height), from its middle, x right, y up."""
    return (pixels - np.array(size) / 2) * (1, -1)


def _array(landmarks: LandmarkList) -> np.ndarray:
    return np.array([(point.x, point.y, point.z) for point in landmarks.landmark], np.float32)
