"""What a person looks like: what a descriptor must do, and the embedded one, colours in 32 numbers."""

from typing import Protocol

import cv2
import numpy as np

# Region in face sizes from the face's centre (x0, y0, x1, y1), bins of lightness for greys, bins of hue for colours.
REGIONS = (
    ((-0.5, -0.9, 0.5, -0.5), 4, 6),  # hair
    ((-0.3, -0.2, 0.3, 0.3), 4, 6),  # skin
    ((-0.9, 0.8, 0.9, 1.6), 4, 8),  # clothes
)
COLOURFUL = 12.0  # chroma (CIELAB) at which a pixel counts as half grey, half coloured
SAMPLES = 12  # a region is sampled at this many points a side


class Describer(Protocol):
    """A descriptor: the dot product of two of them is the likeness of the persons."""

    def describe(self, frame: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Float32 [n, numbers] of length 1 of the persons with these face boxes [n, 4] in a uint8 RGB frame."""


class Colours:
    """The colours of hair, skin and clothes around the face: 32 numbers."""

    def describe(self, frame: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """See `Describer.describe`."""
        return np.stack([describe(frame, face) for face in faces])


def describe(frame: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Descriptor of the person with this face box [4] in a uint8 RGB frame: float32 [32] of length 1.

    The dot product of two descriptors is their likeness: the mean Bhattacharyya coefficient of the regions' histograms.
    Clothes that lie outside the picture make a part of zeros.
    """
    centre, size = (face[:2] + face[2:]) / 2, (face[2:] - face[:2]).mean()
    parts = [_colours(_sample(frame, centre, size, region), levels, hues) for region, levels, hues in REGIONS]
    joined = np.sqrt(np.concatenate(parts))
    return (joined / max(float(np.linalg.norm(joined)), 1e-9)).astype(np.float32)


def _sample(
    frame: np.ndarray, centre: np.ndarray, size: float, region: tuple[float, float, float, float]
) -> np.ndarray:
    """Pixels on a grid over the part of a region that is in the picture, uint8 [n, 3]."""
    height, width = frame.shape[:2]
    x = np.linspace(centre[0] + region[0] * size, centre[0] + region[2] * size, SAMPLES).astype(int)
    y = np.linspace(centre[1] + region[1] * size, centre[1] + region[3] * size, SAMPLES).astype(int)
    x, y = x[(x >= 0) & (x < width)], y[(y >= 0) & (y < height)]
    return frame[np.ix_(y, x)].reshape(-1, 3)


def _colours(pixels: np.ndarray, levels: int, hues: int) -> np.ndarray:
    """Histogram of greys by lightness and of colours by hue, softly divided between neighbours: [levels + hues]."""
    if not len(pixels):
        return np.zeros(levels + hues)
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    coloured = chroma**2 / (chroma**2 + COLOURFUL**2)
    hue = (np.arctan2(lab[:, 2], lab[:, 1]) / (2 * np.pi) % 1) * hues
    grey = np.clip(lab[:, 0] / 100 * (levels - 1), 0, levels - 1)
    shades = _soft_counts(grey, 1 - coloured, levels)
    return np.concatenate([shades, _soft_counts(hue, coloured, hues)]) / len(pixels)


def _soft_counts(position: np.ndarray, weight: np.ndarray, bins: int) -> np.ndarray:
    """Weights counted in the two bins next to each position, the last bin's neighbour being the first."""
    low = np.floor(position).astype(int)
    part = position - low
    below = np.bincount(low % bins, weight * (1 - part), bins)
    return below + np.bincount((low + 1) % bins, weight * part, bins)
