"""Filters over time for cues: the published one, and one whose reach is chosen by the data.

Both work in unbroken runs of known frames: nothing crosses a gap and nothing unknown is filled. Angles are radians.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.signal import savgol_filter

from nonverbal.cues.settings import AdaptiveSettings, PublishedSettings

SHORTEST = 3  # frames; what is shorter stays as it is
LEAST_CONFIDENCE = 0.05  # that a known frame is weighted with
LEAST_FREEDOM = 0.05  # of a frame's residual; where a fit passes through the frame, leaving it out says nothing
TINY = 1e-6  # of the weights, so that a fit to few frames has a solution


class Block(NamedTuple):
    """Columns that are known in the same rows, and the number of the run of known frames that each row is in."""

    rows: np.ndarray
    columns: np.ndarray
    run: np.ndarray

    def stretches(self) -> Iterator[tuple[np.ndarray, ...]]:
        """An index of the numbers of each run of known frames."""
        for part in np.split(self.rows, np.flatnonzero(np.diff(self.run)) + 1):
            yield np.ix_(part, self.columns)


class Track:
    """Cues of one clip in order of utterance and frame.

    Args:
        features: [N, F], NaN where unknown.
        rotations: features from..to that are rotation vectors.
        run: number of the unbroken run of frames of one utterance that each row is in, [N], ascending.
        person: number of whom each row shows, [N].
        confidence: [N] in 0..1.

    Attributes:
        features: as given, rotations without jumps within a run of known frames.
        blocks: columns by the rows in which they are known.
    """

    def __init__(
        self,
        features: np.ndarray,
        rotations: tuple[int, int],
        run: np.ndarray,
        person: np.ndarray,
        confidence: np.ndarray,
    ) -> None:
        self.features, self.rotations, self.run = features.copy(), rotations, run
        self.person, self.confidence = person, confidence
        self.blocks = list(_blocks(np.isfinite(features), run))
        for block in self.blocks:
            joints = self.joints(block)
            for stretch in Block(block.rows, joints.ravel(), block.run).stretches() if len(joints) else ():
                self.features[stretch] = unwrapped(self.features[stretch])

    def joints(self, block: Block) -> np.ndarray:
        """Columns of each rotation vector that lies whole in a block, [J, 3]."""
        joints = np.arange(*self.rotations).reshape(-1, 3)
        return joints[np.isin(joints, block.columns).all(axis=1)]


def _blocks(known: np.ndarray, run: np.ndarray) -> Iterator[Block]:
    patterns = np.packbits(known, axis=0).T.copy().view(f"V{-(-len(known) // 8)}").ravel()
    for columns in (np.flatnonzero(patterns == pattern) for pattern in np.unique(patterns)):
        rows = np.flatnonzero(known[:, columns[0]])
        if len(rows):
            broken = (np.diff(rows) > 1) | (np.diff(run[rows]) != 0)
            yield Block(rows, columns, np.concatenate([[0], np.cumsum(broken)]))


def published(track: Track, settings: PublishedSettings) -> np.ndarray:
    """Savitzky-Golay over each number, [N, F]."""
    out = track.features.copy()
    for block in track.blocks:
        for stretch in block.stretches():
            out[stretch] = savitzky_golay(out[stretch], settings)
    return out


def savitzky_golay(values: np.ndarray, settings: PublishedSettings) -> np.ndarray:
    """Filter each column of [T, F]: window at most the largest odd number of frames, order below the window."""
    window = min(settings.window, len(values) - 1 + len(values) % 2)
    if len(values) < SHORTEST or window < SHORTEST:
        return values
    return savgol_filter(values, window, min(settings.order, window - 1), axis=0)


def adaptive(track: Track, settings: AdaptiveSettings) -> np.ndarray:
    """Local polynomials, [N, F], each frame weighted by its confidence squared and its nearness.

    Rotations are fitted as unit quaternions, a joint's four numbers with one reach. Each person's reach of each number
    or joint is the widest whose error in predicting the frames left out is no more than `slack` times the least.
    Numbers that are no rotations stay in the range that they have in the track.
    """
    out = track.features.copy()
    for block in track.blocks:
        joints, plain = track.joints(block), np.setdiff1d(block.columns, np.arange(*track.rotations))
        turned, number = np.ix_(block.rows, joints.ravel()), np.ix_(block.rows, plain)
        vectors = out[turned].reshape(len(block.rows), -1, 3) if len(joints) else np.empty((len(block.rows), 0, 3))
        values = np.concatenate([to_quaternions(vectors).reshape(len(block.rows), -1), out[number]], axis=1)
        signal = np.concatenate([np.repeat(np.arange(len(joints)), 4), len(joints) + np.arange(len(plain))])
        weights = np.maximum(track.confidence[block.rows], LEAST_CONFIDENCE) ** 2
        fitted = _regression(values, signal, block.run, track.person[block.rows], weights, settings)
        quaternions, numbers = np.split(fitted, [4 * len(joints)], axis=1)
        out[turned] = to_vectors(quaternions.reshape(*vectors.shape[:2], 4), vectors).reshape(len(block.rows), -1)
        out[number] = np.clip(numbers, out[number].min(axis=0), out[number].max(axis=0))
    return out


def _regression(
    values: np.ndarray,
    signal: np.ndarray,
    run: np.ndarray,
    person: np.ndarray,
    weights: np.ndarray,
    settings: AdaptiveSettings,
) -> np.ndarray:
    """Values [N, C], all known, fitted; columns of one signal and rows of one person have one reach."""
    starts = np.flatnonzero(np.diff(signal, prepend=-1))
    fits, errors = [values], []
    for reach in settings.reaches:
        kernel = local_weights(run, weights, reach, settings.order)
        rows = np.arange(len(values))[:, None] + np.arange(-reach, reach + 1)
        rows = np.clip(rows, 0, len(values) - 1)
        fit = np.zeros_like(values)
        for offset in range(2 * reach + 1):
            fit += kernel[:, offset, None] * values[rows[:, offset]]
        left_out = (values - fit) / np.maximum(1 - kernel[:, reach, None], LEAST_FREEDOM)
        fits.append(fit)
        errors.append(np.add.reduceat(left_out**2, starts, axis=1))
    length = np.bincount(run)[run]
    out = values.copy()
    for who in np.unique(person):
        rows = np.flatnonzero((person == who) & (length >= SHORTEST))
        if len(rows):
            score = np.stack([error[rows].mean(axis=0) for error in errors])
            widest = len(score) - 1 - np.argmax((score <= settings.slack * score.min(axis=0))[::-1], axis=0)
            chosen = widest[signal]
            for reach in np.unique(chosen):
                block = np.ix_(rows, np.flatnonzero(chosen == reach))
                out[block] = fits[reach + 1][block]
    return out


def local_weights(run: np.ndarray, weights: np.ndarray, reach: int, order: int) -> np.ndarray:
    """What each frame up to `reach` before and after counts in the value of a local polynomial, [N, 2 reach + 1].

    The frames' own weights [N] are multiplied by a Gaussian of standard deviation reach / 2; frames of another run
    count nothing.
    """
    offsets = np.arange(-reach, reach + 1)
    rows = np.arange(len(run))[:, None] + offsets
    inside = (rows >= 0) & (rows < len(run))
    rows = np.clip(rows, 0, len(run) - 1)
    weighted = weights[rows] * (inside & (run[rows] == run[:, None])) * np.exp(-0.5 * (2 * offsets / reach) ** 2)
    powers = (offsets[:, None] / reach) ** np.arange(order + 1)
    gram = np.einsum("nw,wp,wq->npq", weighted, powers, powers)
    gram += TINY * weighted.sum(axis=1)[:, None, None] * np.eye(order + 1)
    value = np.broadcast_to(np.eye(order + 1)[:1].T, (len(run), order + 1, 1))
    return weighted * (np.linalg.solve(gram, value)[..., 0] @ powers.T)


def unwrapped(vectors: np.ndarray) -> np.ndarray:
    """Rotation vectors [T, 3 J] without jumps: each is the equal rotation nearest to the one in the frame before."""
    joints = vectors.reshape(len(vectors), -1, 3).copy()
    for i in range(1, len(joints)):
        joints[i] = nearest(joints[i], joints[i - 1])
    return joints.reshape(vectors.shape)


def nearest(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The rotation vectors equal to these [..., 3] that are nearest to others: a turn by a is also one by a - 2 pi."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    axis = vectors / np.maximum(angle, 1e-9)
    turns = np.round(((others * axis).sum(axis=-1, keepdims=True) - angle) / (2 * np.pi))
    return vectors + turns * 2 * np.pi * axis


def to_quaternions(vectors: np.ndarray) -> np.ndarray:
    """Unit quaternions (x, y, z, w) [..., 4] of rotation vectors [..., 3]; where these do not jump, nor do they."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.concatenate([vectors * np.sinc(angle / (2 * np.pi)) / 2, np.cos(angle / 2)], axis=-1)


def to_vectors(quaternions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rotation vectors [..., 3] of quaternions [..., 4] of any length but 0, those nearest to others."""
    sine = np.linalg.norm(quaternions[..., :3], axis=-1, keepdims=True)
    small = sine < 1e-9
    scale = np.where(small, 2, 2 * np.arctan2(sine, quaternions[..., 3:]) / np.where(small, 1, sine))
    return nearest(quaternions[..., :3] * scale, others)


def jitter(track: Track, features: np.ndarray, group: tuple[int, int]) -> np.ndarray:
    """Second difference from frame to frame to frame of a group of numbers, [N], at the middle one.

    Mean over the group's joints of the angle (radians a frame squared), or over its numbers of the absolute value; NaN
    at the ends of runs and where nothing of the group is known in all three frames.

    Args:
        track: whose frames they are.
        features: [N, F], rotations without jumps.
        group: features from..to.
    """
    values = features[:, slice(*group)]
    if track.rotations[0] <= group[0] and group[1] <= track.rotations[1]:
        values = 2 * to_quaternions(values.reshape(len(values), -1, 3))  # half an angle is what a quaternion turns
    else:
        values = values[..., None]
    out = np.full(len(values), np.nan)
    if len(values) >= SHORTEST:
        change = np.linalg.norm(np.diff(values, n=2, axis=0), axis=-1)
        known = np.isfinite(change)
        mean = np.where(known, change, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        out[1:-1] = np.where(known.any(axis=1) & (track.run[2:] == track.run[:-2]), mean, np.nan)
    return out
