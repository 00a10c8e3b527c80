"""How far reconstructed motion is from the truth: the paper's formulas, and the forms its released code computes.

Table 3's magnitudes fit the code's forms, so that both are reported: `paper` and `coded`. Lengths are in the mesh's
unit.
"""

from collections import defaultdict
from typing import Any

import numpy as np

from nonverbal.layouts import FPS

WINDOW = 25  # frames of w-VL2's windows
PAIRS, REPEATS = 1000, 10  # of diversity


class MeshDistance:
    """Running means of the mesh metrics over many sequences; each is 0 for a perfect reconstruction."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, int] = defaultdict(int)

    def add(self, truth: np.ndarray, made: np.ndarray) -> None:
        """Count one stretch of frames: vertices [N, V, 3]; windows start at its first frame.

        Every frame weighs the same: a window that is cut short at the end counts by its frames.

        VMSE: squared distance a vertex (coded: norm over the vertex axis, unsquared).
        LVD: sum of absolute differences a vertex (coded: their mean).
        w-VL2: squared distance of vertices averaged over windows of 25 frames (coded: of the vertices' centroid).
        """
        off = (made - truth).astype(np.float64)
        starts = range(0, len(off), WINDOW)
        windows = np.stack([off[at : at + WINDOW].mean(axis=0) for at in starts])
        lengths = np.array([len(off[at : at + WINDOW]) for at in starts])
        means = {
            "vmse_paper": (off**2).sum(axis=-1),
            "vmse_coded": np.linalg.norm(off, axis=1),
            "lvd_paper": np.abs(off).sum(axis=-1),
            "lvd_coded": np.abs(off),
            "wvl2_paper": np.repeat((windows**2).sum(axis=-1), lengths, axis=0),
            "wvl2_coded": np.repeat(windows.mean(axis=1) ** 2, lengths, axis=0),
        }
        for name, values in means.items():
            self.sums[name] += float(values.sum())
            self.counts[name] += values.size

    def means(self) -> dict[str, float]:
        """The metrics over all that was counted."""
        return {name: self.sums[name] / self.counts[name] for name in self.sums}


def diversity(frames: np.ndarray, seed: int) -> dict[str, float]:
    """Mean distance of random pairs of frames [N, dim], 10 draws of up to 1,000 pairs (paper: squared distance)."""
    rng = np.random.default_rng(seed)
    pairs = min(PAIRS, len(frames) * (len(frames) - 1) // 2)
    if pairs == 0:
        return {"diversity_paper": 0.0, "diversity_coded": 0.0}
    first = rng.integers(0, len(frames), size=(REPEATS, pairs))
    second = (first + rng.integers(1, len(frames), size=(REPEATS, pairs))) % len(frames)
    squared = ((frames[first] - frames[second]) ** 2).sum(axis=-1)
    return {"diversity_paper": float(squared.mean()), "diversity_coded": float(np.sqrt(squared).mean())}


def variance(runs: list[np.ndarray]) -> float:
    """Variance over time of each number, averaged over numbers, and over runs [frames, dim] by their length."""
    return float(np.average([run.var(axis=0).mean() for run in runs], weights=[len(run) for run in runs]))


def frechet(truth: np.ndarray, made: np.ndarray) -> float:
    """Fréchet distance of two sets of frames [N, dim] as Gaussians."""
    covariances = np.cov(truth, rowvar=False), np.cov(made, rowvar=False)
    # The trace of the root of a product of covariances: its eigenvalues are real and not negative, but for rounding.
    root = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(min=0)).sum()
    apart = ((truth.mean(axis=0) - made.mean(axis=0)) ** 2).sum()
    return float(apart + np.trace(covariances[0] + covariances[1]) - 2 * root)


def errors(truth: np.ndarray, made: np.ndarray, known: np.ndarray, groups: dict[str, slice]) -> dict[str, float]:
    """Mean squared and absolute error over known numbers of frames [N, dim]: all, and by group (0: nothing known)."""
    parts = {"": slice(None)} | {f"_{group}": where for group, where in groups.items()}
    found = {}
    for name, off in (("mse", (made - truth) ** 2), ("mae", np.abs(made - truth))):
        for suffix, where in parts.items():
            seen = known[:, where]
            found[name + suffix] = float((off[:, where] * seen).sum() / max(seen.sum(), 1))
    return found


def codebook_use(tokens: np.ndarray, size: int, downsampling: int) -> dict[str, Any]:
    """How evenly codes are used (seen, their share, entropy in nats and as share of ln K, perplexity) and their rate.

    `bits_s` is what tokens of so many codes cost a second of motion, `bits_s_entropy` what a coder that knows how often
    each code comes would need.

    Args:
        tokens: [N, Q]; with several quantizers, means over them. `counts` has each one's uses of its codes.
        size: codes a quantizer, K.
        downsampling: frames a place.
    """
    counts = np.stack([np.bincount(level, minlength=size) for level in tokens.T])
    shares = counts / counts.sum(axis=1, keepdims=True)
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
    places_s = FPS / downsampling
    return {
        "bits_s": places_s * len(counts) * float(np.log2(size)),
        "bits_s_entropy": places_s * float(entropy.sum() / np.log(2)), "counts": counts.tolist(),
        "size": size, "quantizers": len(counts), "used": float((counts > 0).sum(axis=1).mean()),
        "utilisation": float((counts > 0).mean()), "entropy": float(entropy.mean()),
        "entropy_share": float(entropy.mean() / np.log(size)), "perplexity": float(np.exp(entropy).mean()),
    }  # fmt: skip
