"""Mel-frequency cepstra as Light-ASD was trained on: 13 numbers every 10 ms, four to a frame of video.

Davis and Mermelstein 1980, with the choices of the package python_speech_features (last released in 2017, hence
written anew): no window, energy in place of the first cepstrum, triangles with corners on bins, lifter 22.
"""

import numpy as np
from scipy.fft import dct, rfft

from nonverbal.layouts import FPS
from nonverbal.media import SAMPLE_RATE

CEPSTRA = 13
HOP, WINDOW, N_FFT = SAMPLE_RATE // 100, SAMPLE_RATE // 40, 512
PER_FRAME = SAMPLE_RATE // FPS // HOP  # windows a frame of video
BANDS, LIFTER, PRE_EMPHASIS = 26, 22, 0.97
FULL_SCALE = 32768  # the cepstra are of 16-bit numbers
BLOCK = 6_000  # windows computed at once: a minute, which keeps memory small


def mfcc(samples: np.ndarray, frames: int) -> np.ndarray:
    """Cepstra of the sound of a clip, float32 [frames * 4, 13]; silence follows sound that is too short.

    Args:
        samples: 16 kHz, -1..1, [samples].
        frames: of the clip's video, 25 a second.
    """
    windows = frames * PER_FRAME
    needed = windows * HOP + WINDOW
    emphasised = np.zeros(needed, np.float32)
    sound = samples[:needed] * FULL_SCALE
    emphasised[: len(sound)] = sound
    emphasised[1 : len(sound)] -= PRE_EMPHASIS * sound[:-1]
    slices = np.lib.stride_tricks.sliding_window_view(emphasised, WINDOW)[::HOP][:windows]
    parts = [_cepstra(slices[first : first + BLOCK].astype(float)) for first in range(0, windows, BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, CEPSTRA), np.float32)


def _cepstra(slices: np.ndarray) -> np.ndarray:
    power = np.abs(rfft(slices, N_FFT)) ** 2 / N_FFT
    cepstra = dct(_log(power @ _triangles().T), norm="ortho")[:, :CEPSTRA]
    cepstra *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / LIFTER)
    cepstra[:, 0] = _log(power.sum(axis=1))
    return cepstra.astype(np.float32)


def _log(power: np.ndarray) -> np.ndarray:
    return np.log(np.where(power == 0, np.finfo(float).eps, power))


def _triangles() -> np.ndarray:
    """Weights of the spectrum's bins in each band, [26, 257]; corners are equally far apart in mels, on whole bins."""
    mels = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), BANDS + 2)
    corners = np.floor((N_FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / SAMPLE_RATE)
    low, middle, high = (corners[i : i + BANDS, None] for i in range(3))
    bins = np.arange(N_FFT // 2 + 1)
    return np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)
