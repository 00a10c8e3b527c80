import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.layouts import OPEN_FACE
from nonverbal.tokenizers.motion import Motion, Scale, bucket, collate, cut, draw, fill

RUNS = st.lists(st.integers(1, 200), min_size=1, max_size=8).map(
    lambda lengths: [(int(sum(lengths[:i])), length) for i, length in enumerate(lengths)]
)


def test_unknown_numbers_are_interpolated_held_or_the_mean() -> None:
    nan = np.nan
    sequence = np.array([[nan, 1, nan], [1, nan, nan], [nan, nan, nan], [3, 4, nan]], np.float32)
    assert fill(sequence).tolist() == [[1, 1, 0], [1, 2, 0], [2, 3, 0], [3, 4, 0]]


def test_a_batch_masks_what_is_padded_and_what_is_unknown() -> None:
    long, short = np.ones((17, 2), np.float32), np.full((3, 2), 5, np.float32)
    short[1, 0] = np.nan
    batch = collate([long, short], 8)
    assert batch.values.shape == (2, 2, 24)
    assert batch.mask[:, 0].sum(dim=1).tolist() == [24, 8]
    assert batch.known.sum(dim=(1, 2)).tolist() == [34, 5]
    assert batch.values[1, :, :8].eq(5).all()  # the last frame is held to the token's end
    assert batch.values[1, :, 8:].eq(0).all()


@given(RUNS, st.sampled_from([8, 32, 64]))
def test_cut_covers_every_frame_once(runs: list[tuple[int, int]], window: int) -> None:
    windows = cut(runs, window)
    assert [row + i for row, length in windows for i in range(length)] == list(range(sum(n for _, n in runs)))
    assert max(length for _, length in windows) <= window


@given(RUNS, st.integers(0, 9))
def test_drawn_windows_lie_inside_their_runs(runs: list[tuple[int, int]], seed: int) -> None:
    windows = draw(runs, 32, np.random.default_rng(seed))
    assert len(windows) == len(cut(runs, 32))
    assert windows == draw(runs, 32, np.random.default_rng(seed))
    for row, length in windows:
        assert any(first <= row and row + length <= first + frames for first, frames in runs)


@given(RUNS, st.integers(1, 5), st.integers(1, 4), st.integers(0, 9))
def test_buckets_hold_every_window_once_and_like_lengths_together(
    runs: list[tuple[int, int]], batch: int, pool: int, seed: int
) -> None:
    windows = draw(runs, 32, np.random.default_rng(seed))
    batches = bucket(windows, batch, pool, np.random.default_rng(seed))
    assert sorted(window for one in batches for window in one) == sorted(windows)
    assert max(len(one) for one in batches) <= batch
    assert len(batches) == -(-len(windows) // batch)
    assert batches == bucket(windows, batch, pool, np.random.default_rng(seed))


def test_buckets_pad_less_than_batches_at_random() -> None:
    rng = np.random.default_rng(0)
    windows = [(0, int(length)) for length in rng.integers(8, 512, 640)]

    def padding(batches: list[list[tuple[int, int]]]) -> int:
        return sum(max(n for _, n in one) * len(one) - sum(n for _, n in one) for one in batches)

    assert padding(bucket(windows, 16, 10, rng)) < 0.2 * padding(bucket(windows, 16, 1, rng))


def test_reading_normalises_by_the_training_split(motion: Motion) -> None:
    values = np.concatenate([motion.read(run) for run in motion.runs("train")])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-3)
    for where in OPEN_FACE.training_slices().values():
        assert np.sqrt((values[:, where] ** 2).mean()) == pytest.approx(1, abs=1e-3)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell resident memory")
def test_a_hundred_million_frames_stay_on_disk(tmp_path: Path) -> None:
    """A sparse file of 20 GB, of which 160 MB are read in windows all over it."""
    frames = 100_000_000
    array = np.lib.format.open_memmap(tmp_path / "frames.npy", mode="w+", dtype=np.float32, shape=(frames, 51))
    scale = Scale(OPEN_FACE, np.zeros(51, np.float32), np.ones(51, np.float32))
    motion = Motion(array, pd.DataFrame(), scale)
    before, rng = resident_mb(), np.random.default_rng(0)
    for _ in range(24):
        motion.batch([(int(row), 512) for row in rng.integers(0, frames - 512, 64)], 8)
    assert resident_mb() - before < 80
