"""Where one shot ends and the next begins."""

from collections import deque
from statistics import median

import cv2
import numpy as np

SMALL = (48, 27)  # pixels of the pictures compared
MEMORY = 12  # frames that say how much the picture usually changes
SHORTEST = 4  # frames of a shot; before that nothing is usual
NOISE = 1e-4  # variance (of 0..1) below which a picture has no structure to compare


class ShotChanges:
    """Say of each frame in turn whether it begins a new shot.

    Two successive frames, made small and grey, are compared by correlation, which a change of brightness leaves alone.
    A cut stands out from the changes just before it; a shaking camera or a fast hand does not.

    Args:
        change: least 1 - correlation of a cut.
        ratio: how many times the median of the last frames it must be.
    """

    def __init__(self, change: float, ratio: float) -> None:
        self.change, self.ratio = change, ratio
        self.before: np.ndarray | None = None
        self.recent: deque[float] = deque(maxlen=MEMORY)

    def __call__(self, frame: np.ndarray) -> bool:
        """Whether this frame, uint8 RGB [height, width, 3], begins a shot; the first does not."""
        small = cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA).mean(axis=2) / 255
        small -= small.mean()
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


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """1 - correlation of two pictures of mean 0."""
    return float(1 - ((a * b).mean() + NOISE) / (np.sqrt((a * a).mean() * (b * b).mean()) + NOISE))
