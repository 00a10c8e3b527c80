"""From scores of overlapping windows to pieces of speech: one local speaker talks without a pause."""

import itertools
from typing import NamedTuple

import numpy as np

from nonverbal.media import SAMPLE_RATE
from nonverbal.speech.pyannet import FIRST_FRAME, FRAME_STEP, LOCAL_SPEAKERS

ORDERS = [list(order) for order in itertools.permutations(range(LOCAL_SPEAKERS))]
LEVEL_HOP, LEVEL_WINDOW = 160, 480  # samples: 30 ms of sound every 10 ms
SHORTEST = 4  # frames: less is a click, not speech
HEARD = 0.3  # activity below which a window says nothing about a piece


class Piece(NamedTuple):
    """Frames [start, end) of a stitched track."""

    start: int
    end: int
    track: int

    @property
    def start_s(self) -> float:
        """First moment, in seconds."""
        return frame_time(self.start)

    @property
    def end_s(self) -> float:
        """Moment after the last, in seconds."""
        return frame_time(self.end)


def frame_time(frame: int) -> float:
    """Seconds at which the span of a network frame begins."""
    return max(0.0, (frame * FRAME_STEP + FIRST_FRAME - FRAME_STEP / 2) / SAMPLE_RATE)


def stitch(scores: np.ndarray, step: int) -> np.ndarray:
    """Average windows whose local speakers come in any order into tracks that hold through the clip.

    Each window's speakers are put in the order that fits best what the windows before it said of the same frames.

    Args:
        scores: [windows, frames, 3].
        step: frames between windows.

    Returns:
        [all frames, 3]; a speaker who is silent for longer than a window may come back on another track.
    """
    windows, length, _ = scores.shape
    total = np.zeros(((windows - 1) * step + length, LOCAL_SPEAKERS))
    weight = np.zeros((len(total), 1))
    taper = np.hamming(length)[:, None]
    for index, window in enumerate(scores):
        span = slice(index * step, index * step + length)
        if index:
            shared = length - step
            before = total[span][:shared] / weight[span][:shared]
            window = window[:, min(ORDERS, key=lambda order: np.square(before - window[:shared, order]).sum())]
        total[span] += window * taper
        weight[span] += taper
    return total / weight


def levels(samples: np.ndarray) -> np.ndarray:
    """Loudness every 10 ms, dBFS."""
    energy = np.cumsum(np.square(np.pad(samples, (LEVEL_WINDOW // 2 + 1, LEVEL_WINDOW // 2)), dtype=np.float64))
    windows = (energy[LEVEL_WINDOW:] - energy[:-LEVEL_WINDOW])[::LEVEL_HOP]
    return 10 * np.log10(np.maximum(windows, 0) / LEVEL_WINDOW + 1e-12)


def audible(samples: np.ndarray, quiet_db: float, longest_gap_s: float) -> np.ndarray:
    """Every 10 ms, whether the sound is within `quiet_db` of its loud parts; shorter gaps do not count.

    The network bridges pauses as its training labels did; this finds those that are plainly silent.
    """
    level = levels(samples)
    loud = level > np.percentile(level, 95) - quiet_db
    for start, end in runs(~loud):
        if start > 0 and end < len(loud) and (end - start) * LEVEL_HOP / SAMPLE_RATE < longest_gap_s:
            loud[start:end] = True
    return loud


def runs(active: np.ndarray) -> list[tuple[int, int]]:
    """The [start, end) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def find_pieces(tracks: np.ndarray, loud: np.ndarray, onset: float) -> list[Piece]:
    """Stretches of a track above `onset` that are audible, in order of time.

    Args:
        tracks: from `stitch`.
        loud: from `audible`.
        onset: probability.
    """
    centres = (np.arange(len(tracks)) * FRAME_STEP + FIRST_FRAME) // LEVEL_HOP
    inside = centres < len(loud)
    heard = inside & loud[np.minimum(centres, len(loud) - 1)]
    found = [
        Piece(start, end, track)
        for track in range(LOCAL_SPEAKERS)
        for start, end in runs((tracks[:, track] > onset) & heard)
    ]
    return sorted(piece for piece in found if piece.end - piece.start >= SHORTEST)


def agreement(pieces: list[Piece], scores: np.ndarray, step: int, onset: float) -> tuple[np.ndarray, np.ndarray]:
    """What single windows say of each pair of pieces.

    Returns:
        shared: [pieces, pieces], number of windows that hear both.
        same: [pieces, pieces], in how many of these one local speaker says both (partly where activity is mixed).
    """
    windows, length, _ = scores.shape
    voices = np.zeros((len(pieces), windows, LOCAL_SPEAKERS))
    for row, (start, end, _) in enumerate(pieces):
        for index in range(max(0, (start - length) // step), min(windows, end // step + 1)):
            first, last = max(start - index * step, 0), min(end - index * step, length)
            if last - first >= min(0.5 * (end - start), 60):
                voices[row, index] = (scores[index, first:last] > onset).mean(axis=0)
    norm = np.linalg.norm(voices, axis=2, keepdims=True)
    voices = np.where(norm > HEARD, voices / np.maximum(norm, 1e-9), 0).reshape(len(pieces), -1)
    present = (norm[..., 0] > HEARD).astype(float)
    return present @ present.T, voices @ voices.T
