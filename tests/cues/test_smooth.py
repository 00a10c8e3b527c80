import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

from nonverbal.cues.settings import Smooth
from nonverbal.cues.smooth import ROTATIONS, savitzky_golay, smooth, smooth_rows, smooth_run, unwrapped
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES
from nonverbal.schema import read_table, write_table

PUBLISHED = Smooth(window=5, order=2)
NONE = (0, 0)  # no rotations among the features


@given(st.integers(1, 12), st.integers(0, 3))
def test_window_and_order_are_cut_to_the_length(frames, order):
    values = np.random.default_rng(frames).normal(size=(frames, 2))
    smoothed = savitzky_golay(values, Smooth(window=5, order=order))
    window = min(5, frames if frames % 2 else frames - 1)
    expected = values if frames < 3 else savgol_filter(values, window, min(order, window - 1), axis=0)
    assert np.array_equal(smoothed, expected)


def test_what_is_unknown_stays_unknown_and_does_not_spread():
    values = np.random.default_rng(0).normal(size=(20, 3))
    values[8, 0], values[:, 1] = np.nan, np.nan
    smoothed = smooth_run(values, NONE, PUBLISHED)
    assert np.array_equal(np.isnan(smoothed), np.isnan(values))
    assert np.allclose(smoothed[:8, 0], savgol_filter(values[:8, 0], 5, 2))
    assert np.allclose(smoothed[9:, 0], savgol_filter(values[9:, 0], 5, 2))
    assert np.allclose(smoothed[:, 2], savgol_filter(values[:, 2], 5, 2))


def test_a_parabola_passes_and_jitter_shrinks():
    t = np.linspace(0, 1, 50)
    parabola = np.stack([t**2, 1 - t], axis=1)
    assert np.allclose(smooth_run(parabola, NONE, PUBLISHED), parabola)
    noisy = parabola + 0.1 * np.random.default_rng(1).normal(size=parabola.shape)
    jitter = [np.abs(np.diff(x, n=2, axis=0)).mean() for x in (noisy, smooth_run(noisy, NONE, PUBLISHED))]
    assert jitter[1] < 0.5 * jitter[0]


def test_unwrapping_changes_numbers_not_rotations():
    turns = np.linspace(0, 3.8 * np.pi, 60)[:, None] * np.array([[0.6, 0.0, 0.8]])
    cut = Rotation.from_rotvec(turns).as_rotvec()
    assert np.abs(np.diff(cut, axis=0)).max() > 2  # a jump is there to be mended
    assert unwrapped(cut) == pytest.approx(turns, abs=1e-9)
    cut[30] = np.nan
    after = unwrapped(cut)
    assert np.isnan(after[30]).all() and np.allclose(after[:30], turns[:30])
    again = Rotation.from_rotvec(after[31:]).inv() * Rotation.from_rotvec(turns[31:])
    assert again.magnitude().max() < 1e-6


def cue_rows(features, utterance, frames, speaker=0):
    return pd.DataFrame(
        {"clip_id": "a_000", "utterance_id": utterance, "speaker": speaker, "frame": frames, "valid": True,
         "confidence": np.float32(0.5), "features": list(features.astype(np.float32))}
    )  # fmt: skip


def test_runs_end_with_the_utterance_and_at_gaps():
    values = np.random.default_rng(2).normal(size=(30, FACE_FEATURES))
    frames = np.r_[0:10, 20:30, 30:40]
    rows = cue_rows(values, np.repeat([0, 0, 1], 10), frames)
    smoothed = np.stack(smooth_rows(rows, NONE, PUBLISHED)["features"].tolist())
    for part in np.split(np.arange(30), 3):
        assert np.allclose(smoothed[part], savgol_filter(values[part], 5, 2, axis=0), atol=1e-5)


def test_rule_keeps_rows_validity_and_confidence(tmp_path):
    generator, raw = np.random.default_rng(3), {}
    for name, size in (("face", FACE_FEATURES), ("body", BODY_FEATURES)):
        rows = cue_rows(generator.normal(scale=0.1, size=(12, size)), 4, np.arange(12))
        rows.loc[5, "valid"] = False
        rows.at[5, "features"] = np.full(size, np.nan, np.float32)
        raw[name] = rows
        write_table(tmp_path / f"raw_{name}.parquet", name, rows)
    write_table(tmp_path / "keep.parquet", "keep_visible", [
        {"clip_id": "a_000", "kept": True, "reason": "", "detail": ""},
        {"clip_id": "b_000", "kept": True, "reason": "", "detail": ""},
    ])  # fmt: skip
    smooth(
        tmp_path / "keep.parquet", tmp_path / "raw_face.parquet", tmp_path / "raw_body.parquet",
        tmp_path / "face.parquet", tmp_path / "body.parquet", PUBLISHED,
    )  # fmt: skip
    for name in ("face", "body"):
        after = read_table(tmp_path / f"{name}.parquet", name)
        assert after.drop(columns="features").equals(raw[name].drop(columns="features"))
        expected = smooth_rows(raw[name], ROTATIONS[name], PUBLISHED)["features"]
        assert np.array_equal(np.stack(after["features"]), np.stack(expected), equal_nan=True)
        assert not np.array_equal(np.stack(after["features"]), np.stack(raw[name]["features"]), equal_nan=True)
