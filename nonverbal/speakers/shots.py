"""Where one shot ends and the next begins, and which shots are from one camera."""

from collections import deque
from statistics import median

import cv2
import numpy as np

SMALL = (48, 27)  # pixels of the pictures compared
MEMORY = 12  # frames that say how much the picture usually changes
SHORTEST = 4  # frames of a shot; before that nothing is usual
NOISE = 1e-4  # variance (of 0..1) below which a picture has no structure to compare


def small_picture(frame: np.ndarray) -> np.ndarray:
    """A frame, uint8 RGB [height, width, 3], made small and grey, of mean 0."""
    small = cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA).mean(axis=2) / 255
    return small - small.mean()


class ShotChanges:
    """Say of each frame in turn, as a small picture, whether it begins a new shot.

    Two successive frames are compared by correlation, which a change of brightness leaves alone.
    A cut stands out from the changes just before it; a shaking camera or a fast hand does not.

    Args:
        change: least 1 - correlation of a cut.
        ratio: how many times the median of the last frames it must be.
    """

    def __init__(self, change: float, ratio: float) -> None:
        self.change, self.ratio = change, ratio
        self.before: np.ndarray | None = None
        self.recent: deque[float] = deque(maxlen=MEMORY)

    def __call__(self, small: np.ndarray) -> bool:
        """Whether this frame begins a shot; the first does not."""
        if self.before is None:
            self.before = small
            return False
        difference = _difference(small, self.before)
        self.before = small
        usual = median(self.recent) if len(self.recent) >= SHORTEST - 1 else 1.0
        cut = difference > max(self.change, self.ratio * usual)
        if cut:
            self.recent.clear()
        else:
            self.recent.append(difference)
        return cut


class Cameras:
    """Say which shots are from one camera: those whose mean pictures correlate.

    Args:
        least: correlation from which a shot is from a known camera.
    """

    def __init__(self, least: float) -> None:
        self.least = least
        self.of_shot: list[int] = []
        self.views: list[np.ndarray] = []  # sum of each camera's shots' mean pictures
        self.shot, self.frames = np.zeros(SMALL[::-1]), 0

    def see(self, small: np.ndarray, cut: bool) -> None:
        """Take the next frame's small picture; `cut` says that it begins a shot."""
        if cut:
            self.end_shot()
        self.shot, self.frames = self.shot + small, self.frames + 1

    def end_shot(self) -> None:
        """Give the shot a camera: `of_shot` gets its number."""
        mean = self.shot / max(self.frames, 1)
        alike = [1 - _difference(mean, view / self.of_shot.count(i)) for i, view in enumerate(self.views)]
        camera = int(np.argmax(alike)) if alike and max(alike) >= self.least else len(self.views)
        if camera == len(self.views):
            self.views.append(np.zeros_like(mean))
        self.views[camera] = self.views[camera] + mean
        self.of_shot.append(camera)
        self.shot, self.frames = np.zeros_like(mean), 0


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """1 - correlation of two pictures of mean 0."""
    return float(1 - ((a * b).mean() + NOISE) / (np.sqrt((a * a).mean() * (b * b).mean()) + NOISE))
