"""How well gestures keep the beat of speech: the beat alignment score of Li et al. 2021 (AI Choreographer, ICCV).

The score is made for dance: each beat of the motion, a local minimum of its speed, counts exp(-d^2 / 2 s^2), where d is
the time to the nearest beat of the music. Here the beats of speech are the onsets of words, as for co-speech gestures
the onsets of sound are (Liu et al. 2022, HA2G, CVPR), from which s is. A word's onset is read from its place in the
answer's line, so that generated and true answers are measured alike.
"""

import re

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from nonverbal.layouts import FPS
from nonverbal.mars.interleave import FRAMES_PER_TOKEN, without_motion

BODY_TOKEN = re.compile(r"<BODY_\d+>")
SPREAD_S = 0.1  # s, at which a beat that misses its word counts 0.61
SMOOTH_S = 0.08  # standard deviation of the Gaussian that the speed is smoothed by


def word_onsets(line: str) -> np.ndarray:
    """Onsets of the words of a line in frames from its first BODY token, float64 [words].

    A word after n BODY tokens begins later than the first frame of the n-th and no later than that of the next; those
    between the same two tokens are spread evenly. Words before the first begin with it.
    """
    pieces = [without_motion(piece).split() for piece in BODY_TOKEN.split(line)]
    after = [FRAMES_PER_TOKEN * (n + _spread(len(words))) for n, words in enumerate(pieces[1:])]
    return np.concatenate([np.zeros(len(pieces[0])), *after])


def _spread(count: int) -> np.ndarray:
    return np.arange(1, count + 1) / (count + 1)


def motion_beats(rotations: np.ndarray) -> np.ndarray:
    """Frames [beats] at which a body is slowest: local minima of its joints' mean angular speed, smoothed.

    Args:
        rotations: of the joints, axis-angle, radians [frames, joints, 3].
    """
    speed = np.linalg.norm(np.diff(rotations, axis=0), axis=-1).mean(axis=1)
    if not len(speed):
        return np.zeros(0)
    return find_peaks(-gaussian_filter1d(speed, SMOOTH_S * FPS))[0] + 0.5  # a speed lies between two frames


def closeness(frames: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """What a beat at each of some frames counts, 0..1."""
    away = np.abs(frames[:, None] - onsets[None]).min(axis=1) / FPS
    return np.exp(-((away / SPREAD_S) ** 2) / 2)


class BeatAlignment:
    """Running mean of the score over the beats of many answers, and of that of beats at random times."""

    def __init__(self) -> None:
        self.beats, self.score, self.chance = 0, 0.0, 0.0

    def add(self, rotations: np.ndarray, onsets: np.ndarray) -> None:
        """Count one run of motion [frames, joints, 3] with the word onsets, in frames from its first."""
        beats = motion_beats(rotations)
        if not len(onsets) or not len(beats):
            return
        self.beats += len(beats)
        self.score += float(closeness(beats, onsets).sum())
        self.chance += len(beats) * float(closeness(np.arange(len(rotations)), onsets).mean())

    def means(self) -> dict[str, float | int | None]:
        """beats, beat_alignment, and beat_alignment_chance: as many beats in each run, at random frames of it."""
        score, chance = (total / self.beats if self.beats else None for total in (self.score, self.chance))
        return {"beats": self.beats, "beat_alignment": score, "beat_alignment_chance": chance}
