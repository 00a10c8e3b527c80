import numpy as np
import pytest

from nonverbal.tokenizers.metrics import MeshDistance, codebook_use, diversity, errors, frechet, variance


def distance(truth: np.ndarray, made: np.ndarray) -> dict[str, float]:
    found = MeshDistance()
    found.add(truth, made)
    return found.means()


def test_a_known_shift() -> None:
    truth = np.random.default_rng(0).normal(size=(50, 4, 3))
    found = distance(truth, truth + np.array([3.0, 0.0, -4.0]))
    assert found["vmse_paper"] == pytest.approx(25)
    assert found["vmse_coded"] == pytest.approx((6 + 0 + 8) / 3)  # norms over 4 vertices
    assert found["lvd_paper"] == pytest.approx(7)
    assert found["lvd_coded"] == pytest.approx(7 / 3)
    assert found["wvl2_paper"] == pytest.approx(25)
    assert found["wvl2_coded"] == pytest.approx(25 / 3)


def test_windows_average_time_in_the_paper_and_vertices_in_the_code() -> None:
    truth = np.zeros((25, 2, 3))
    shaking, opposed = truth.copy(), truth.copy()
    shaking[:24:2], shaking[1:24:2] = 1, -1  # averages out over a window
    opposed[:, 0], opposed[:, 1] = 1, -1  # averages out over the vertices
    assert distance(truth, shaking)["wvl2_paper"] == pytest.approx(0)
    assert distance(truth, opposed)["wvl2_paper"] == pytest.approx(3)
    assert distance(truth, opposed)["wvl2_coded"] == pytest.approx(0)


def test_a_perfect_reconstruction_is_zero_everywhere() -> None:
    truth = np.random.default_rng(0).normal(size=(30, 4, 3))
    assert set(distance(truth, truth).values()) == {0.0}
    frames = truth[:, 0]
    assert frechet(frames, frames) == pytest.approx(0, abs=1e-9)
    assert errors(frames, frames, np.ones_like(frames, bool), {}) == {"mse": 0.0, "mae": 0.0}


def test_stretches_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    truth, made = rng.normal(size=(2, 75, 4, 3))
    parts = MeshDistance()
    parts.add(truth[:50], made[:50])
    parts.add(truth[50:], made[50:])
    assert parts.means() == pytest.approx(distance(truth, made))


def test_a_short_window_counts_by_its_frames() -> None:
    truth, made = np.zeros((30, 2, 3)), np.zeros((30, 2, 3))
    made[25:, :, 0] = 6.0  # a window of five frames, off by 6
    found = distance(truth, made)
    assert found["wvl2_paper"] == pytest.approx(36 * 5 / 30)
    assert found["wvl2_coded"] == pytest.approx(36 / 3 * 5 / 30)


def test_sequences_weigh_by_their_frames_and_windows_never_straddle_two() -> None:
    found = MeshDistance()
    up, down = np.full((10, 1, 3), 2.0), np.full((40, 1, 3), -2.0)
    for one in (up, down):
        found.add(np.zeros_like(one), one)
    assert found.means()["wvl2_paper"] == pytest.approx(12)  # one window over both would average to less
    found.add(np.zeros((50, 1, 3)), np.zeros((50, 1, 3)))
    assert found.means()["vmse_paper"] == pytest.approx(6)


def test_diversity_of_a_constant_is_zero_and_of_two_points_their_distance() -> None:
    assert diversity(np.ones((9, 2)), seed=0) == {"diversity_paper": 0.0, "diversity_coded": 0.0}
    assert diversity(np.array([[0.0, 0.0], [3.0, 4.0]]), seed=0) == {"diversity_paper": 25.0, "diversity_coded": 5.0}
    assert diversity(np.ones((1, 2)), seed=0)["diversity_coded"] == 0.0


def test_variance_is_over_time_within_runs() -> None:
    still = [np.full((5, 2), level) for level in (0.0, 9.0)]
    assert variance(still) == 0
    assert variance([np.array([[0.0], [2.0]]), np.zeros((6, 1))]) == pytest.approx(0.25)


def test_frechet_of_two_gaussians() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20_000, 2))
    assert frechet(truth, truth * 3 + 4) == pytest.approx(2 * 16 + 2 * (3 - 1) ** 2, rel=0.05)
    assert frechet(truth, np.zeros_like(truth)) == pytest.approx(2, rel=0.05)


def test_errors_by_group_leave_out_what_is_unknown() -> None:
    truth, made = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [1.0, 9.0, 3.0]])
    known = np.array([[True, True, True], [True, False, True]])
    found = errors(truth, made, known, {"a": slice(0, 2), "b": slice(2, 3)})
    assert found == pytest.approx({"mse": 24 / 5, "mse_a": 2, "mse_b": 9, "mae": 10 / 5, "mae_a": 4 / 3, "mae_b": 3})


def test_codebook_use() -> None:
    even = codebook_use(np.arange(8)[:, None], size=16, downsampling=8)
    assert even["used"] == 8
    assert even["utilisation"] == 0.5
    assert even["perplexity"] == pytest.approx(8)
    assert even["entropy_share"] == pytest.approx(np.log(8) / np.log(16))
    assert even["bits_s"] == pytest.approx(25 / 8 * 4)
    assert even["bits_s_entropy"] == pytest.approx(25 / 8 * 3)
    assert codebook_use(np.zeros((5, 1), int), size=16, downsampling=8)["perplexity"] == pytest.approx(1)
    both = codebook_use(np.stack([np.arange(8), np.zeros(8, int)], axis=1), size=16, downsampling=8)
    assert both["perplexity"] == pytest.approx((8 + 1) / 2)
    assert both["used"] == (8 + 1) / 2
