import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

from nonverbal.cues.filters import (
    Track,
    adaptive,
    jitter,
    local_weights,
    published,
    savitzky_golay,
    to_quaternions,
    to_vectors,
    unwrapped,
)
from nonverbal.cues.settings import AdaptiveSettings, PublishedSettings, Smooth
from nonverbal.cues.smooth import smooth, smoothed, to_track
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES
from nonverbal.schema import read_table, write_table

PUBLISHED = PublishedSettings(window=5, order=2)
ADAPTIVE = AdaptiveSettings(order=2, reaches=(2, 3, 4, 5, 7, 9, 12), slack=1.05)
SETTINGS = Smooth(method="adaptive", published=PUBLISHED, adaptive=ADAPTIVE)


def track(features, run=None, confidence=1.0, rotations=(0, 0)):
    count = len(features)
    run = np.zeros(count, int) if run is None else np.asarray(run)
    return Track(np.asarray(features, float), rotations, run, np.zeros(count, int), np.full(count, confidence) * 1.0)


@given(st.integers(1, 12), st.integers(0, 3))
def test_window_and_order_are_cut_to_the_length(frames, order):
    values = np.random.default_rng(frames).normal(size=(frames, 2))
    result = savitzky_golay(values, PublishedSettings(window=5, order=order))
    window = min(5, frames if frames % 2 else frames - 1)
    expected = values if frames < 3 else savgol_filter(values, window, min(order, window - 1), axis=0)
    assert np.array_equal(result, expected)


def test_published_keeps_what_is_unknown_and_does_not_spread_it():
    values = np.random.default_rng(0).normal(size=(20, 3))
    values[8, 0], values[:, 1] = np.nan, np.nan
    result = published(track(values), PUBLISHED)
    assert np.array_equal(np.isnan(result), np.isnan(values))
    assert np.allclose(result[:8, 0], savgol_filter(values[:8, 0], 5, 2))
    assert np.allclose(result[9:, 0], savgol_filter(values[9:, 0], 5, 2))
    assert np.allclose(result[:, 2], savgol_filter(values[:, 2], 5, 2))


@pytest.mark.parametrize("method", ["published", "adaptive"])
def test_a_parabola_passes_and_shaking_shrinks(method):
    t = np.linspace(0, 1, 50)
    parabola = np.stack([t**2, 1 - t], axis=1)
    assert np.allclose(smoothed(track(parabola), SETTINGS)[method], parabola, atol=1e-4)
    noisy = parabola + 0.1 * np.random.default_rng(1).normal(size=parabola.shape)
    shaking = [np.nanmean(jitter(track(x), x, (0, 2))) for x in (noisy, smoothed(track(noisy), SETTINGS)[method])]
    assert shaking[1] < (0.5 if method == "published" else 0.1) * shaking[0]


@pytest.mark.parametrize("method", ["published", "adaptive"])
def test_nothing_crosses_a_gap_or_an_utterance(method):
    generator = np.random.default_rng(4)
    values = generator.normal(size=(60, 4))
    values[20:23, 3] = np.nan
    run = np.repeat([0, 1], 30)
    one_reach = ADAPTIVE.model_copy(update={"reaches": (4,)})  # that does not depend on other frames
    settings = SETTINGS.model_copy(update={"adaptive": one_reach})
    before = smoothed(track(values, run), settings)[method]
    values[30:, :3] += 100 * generator.normal(size=(30, 3))  # another utterance, and beyond the gap
    values[:20, 3] += 5
    after = smoothed(track(values, run), settings)[method]
    assert np.isfinite(after).sum() == np.isfinite(values).sum()
    assert np.allclose(before[:30, :3], after[:30, :3]) and np.allclose(before[23:30, 3], after[23:30, 3])


def test_weights_stay_in_the_run_and_follow_confidence():
    run, confidence = np.repeat([0, 1], 10), np.ones(20)
    confidence[5] = 1e-3
    weights = local_weights(run, confidence, 4, 2)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-4)
    assert np.allclose(weights[9, 5:], 0) and np.allclose(weights[10, :4], 0)
    assert abs(weights[4, 5]) < 1e-2 < abs(weights[4, 3])


def test_reach_follows_the_motion():
    """A slow number with noise is smoothed much, a fast one without noise hardly."""
    t, generator = np.arange(300), np.random.default_rng(5)
    true = np.stack([0.5 + 0.3 * np.sin(t / 40), 0.5 + 0.4 * np.sin(1.3 * t)], axis=1)
    noisy = true + generator.normal(size=true.shape) * (0.05, 0.002)
    result = adaptive(track(noisy), ADAPTIVE)
    error = np.abs(result - true).mean(axis=0)
    assert error[0] < 0.4 * np.abs(noisy - true)[:, 0].mean()
    assert error[1] < 0.05


def test_a_doubtful_frame_counts_little_and_bounds_hold():
    values = np.clip(np.sin(np.arange(80) / 9), 0, 1)[:, None].repeat(2, axis=1)
    values[40], sure = 0.9, np.ones(80)
    trusted = adaptive(track(values, confidence=sure), ADAPTIVE)
    sure[40] = 0.05
    doubted = adaptive(track(values, confidence=sure), ADAPTIVE)
    assert abs(doubted[40, 0]) < 0.5 * abs(trusted[40, 0])
    assert trusted.min() >= 0 and trusted.max() <= 1


def test_adaptive_turns_through_half_a_turn_without_a_jump():
    generator = np.random.default_rng(6)
    true = np.linspace(0.6 * np.pi, 1.4 * np.pi, 80)[:, None] * np.array([[0.0, 0.0, 1.0]])
    noisy = (Rotation.from_rotvec(true) * Rotation.from_rotvec(0.05 * generator.normal(size=true.shape))).as_rotvec()
    result = adaptive(track(noisy, rotations=(0, 3)), ADAPTIVE)
    apart = (Rotation.from_rotvec(result).inv() * Rotation.from_rotvec(true)).magnitude()
    assert apart.mean() < 0.5 * 0.05 * np.sqrt(8 / np.pi) and np.abs(np.diff(result, axis=0)).max() < 0.2


def test_short_runs_and_single_frames_stay_as_they_are():
    values = np.random.default_rng(7).normal(size=(5, 6))
    assert np.allclose(adaptive(track(values, [0, 1, 1, 2, 3], rotations=(0, 3)), ADAPTIVE), values, atol=1e-9)


def test_quaternions_and_vectors_are_each_others_inverse():
    vectors = np.random.default_rng(8).normal(size=(50, 3))
    vectors[0] = 0
    assert to_quaternions(vectors) == pytest.approx(Rotation.from_rotvec(vectors).as_quat(), abs=1e-9)
    assert to_vectors(3 * to_quaternions(vectors), vectors) == pytest.approx(vectors, abs=1e-9)


def test_jitter_is_the_second_difference_and_no_turn_counts_twice():
    turns = 0.1 * np.arange(10)[:, None] ** 2 * np.array([[1.0, 0.0, 0.0]])
    features = np.concatenate([turns, 0.02 * np.arange(10)[:, None] ** 2], axis=1)
    whole, halves = track(features, rotations=(0, 3)), track(features, np.repeat([0, 1], 5), rotations=(0, 3))
    assert np.nanmean(jitter(whole, features, (0, 3))[:4]) == pytest.approx(0.2, rel=0.15)
    assert np.nanmean(jitter(whole, features, (3, 4))) == pytest.approx(0.04)
    assert np.isnan(jitter(halves, features, (3, 4)))[[0, 4, 5, 9]].all()
    unknown = np.full((10, 4), np.nan)
    assert np.isnan(jitter(track(unknown, rotations=(0, 3)), unknown, (0, 3))).all()


def test_unwrapping_changes_numbers_not_rotations():
    turns = np.linspace(0, 3.8 * np.pi, 60)[:, None] * np.array([[0.6, 0.0, 0.8]])
    cut = Rotation.from_rotvec(turns).as_rotvec()
    assert np.abs(np.diff(cut, axis=0)).max() > 2  # a jump is there to be mended
    assert unwrapped(cut) == pytest.approx(turns, abs=1e-9)


def cue_rows(features, utterance, frames, speaker=0):
    return pd.DataFrame(
        {"clip_id": "a_000", "utterance_id": utterance, "speaker": speaker, "frame": frames, "valid": True,
         "reason": "", "confidence": np.float32(0.5), "features": list(features.astype(np.float32))}
    )  # fmt: skip


def test_runs_end_with_the_utterance_and_at_gaps():
    values = np.random.default_rng(2).normal(size=(30, FACE_FEATURES))
    rows = cue_rows(values, np.repeat([0, 0, 1], 10), np.r_[0:10, 20:30, 30:40])
    assert np.array_equal(to_track(rows, (50, 53)).run, np.repeat([0, 1, 2], 10))


@pytest.mark.parametrize("method", ["published", "adaptive"])
def test_rule_keeps_rows_validity_and_confidence_and_scores_them(tmp_path, method):
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
        tmp_path / "face.parquet", tmp_path / "body.parquet", tmp_path / "quality.parquet",
        SETTINGS.model_copy(update={"method": method}),
    )  # fmt: skip
    for name in ("face", "body"):
        after = read_table(tmp_path / f"{name}.parquet", name)
        assert after.drop(columns="features").equals(raw[name].drop(columns="features"))
        found, given = (np.stack(table["features"]) for table in (after, raw[name]))
        assert np.array_equal(np.isnan(found), np.isnan(given)) and not np.array_equal(found, given, equal_nan=True)
    quality = read_table(tmp_path / "quality.parquet", "quality").set_index(["part", "group"])
    assert len(quality) == 12 and (quality["frames"] == 12).all()
    assert quality["known"].to_numpy() == pytest.approx(11 / 12)
    assert (quality["jitter_published"] < quality["jitter_raw"]).all()
    assert (quality["jitter_adaptive"] < quality["jitter_raw"]).all()
