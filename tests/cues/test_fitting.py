"""The engine on models whose parameters are known."""

import roma
import torch

from nonverbal.cues.fitting import Landmarks, Prior, autojacobian, difference, fit, retract

INF = torch.inf


def free(numbers: int, precision: float = 1e-6, smooth: float = 0.0) -> Prior:
    """A prior that says next to nothing."""
    return Prior(
        torch.zeros(numbers, dtype=torch.float64),
        precision * torch.eye(numbers, dtype=torch.float64),
        torch.full((numbers,), smooth, dtype=torch.float64),
        torch.full((numbers,), -INF, dtype=torch.float64),
        torch.full((numbers,), INF, dtype=torch.float64),
    )


class Line:
    """Points that are sums of shapes."""

    rotations = ()

    def __init__(self, shapes: torch.Tensor) -> None:
        self.shapes = shapes

    def points(self, parameters: torch.Tensor) -> torch.Tensor:
        return torch.einsum("tk,kpd->tpd", parameters, self.shapes)

    def jacobian(self, parameters: torch.Tensor) -> torch.Tensor:
        return self.shapes.permute(1, 2, 0).expand(len(parameters), -1, -1, -1)


class Arm:
    """A turned, bent and shifted chain: root rotation, joint rotation, translation; points on both bones."""

    rotations = (0, 3)
    near = torch.tensor([[0.5, 0.1, 0.0], [1.0, 0.0, 0.0], [0.7, -0.1, 0.2]], dtype=torch.float64)
    far = torch.tensor([[0.5, 0.0, 0.1], [1.0, 0.0, 0.0], [0.8, 0.2, 0.0]], dtype=torch.float64)

    def points(self, parameters: torch.Tensor) -> torch.Tensor:
        root, joint = (roma.rotvec_to_rotmat(parameters[:, i : i + 3]) for i in self.rotations)
        far = self.near[1] + self.far @ joint.mT
        return torch.cat([self.near.expand(len(root), -1, -1), far], dim=1) @ root.mT + parameters[:, None, 6:]

    def jacobian(self, parameters: torch.Tensor) -> torch.Tensor:
        return autojacobian(self, parameters)


def motion(frames: int, numbers: int, seed: int) -> torch.Tensor:
    """Smooth parameters [frames, numbers]."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.rand(2, numbers, generator=generator, dtype=torch.float64)
    return torch.sin(torch.arange(frames)[:, None] / 12 * (0.5 + waves[0]) + 6 * waves[1])


def noise(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_step_and_a_difference_undo_each_other():
    first, second = motion(40, 9, 0) * 2, motion(40, 9, 1) * 2
    back = retract(first, difference(first, second, (0, 3)), (0, 3))
    for i in (0, 3):
        assert torch.allclose(*(roma.rotvec_to_rotmat(values[:, i : i + 3]) for values in (back, second)), atol=1e-9)
    assert torch.allclose(back[:, 6:], second[:, 6:])


def test_the_jacobian_is_how_points_move():
    arm, at, step = Arm(), motion(20, 9, 2) * 1.5, 1e-6 * noise((20, 9), 3)
    moved = arm.points(retract(at, step, arm.rotations)) - arm.points(at)
    assert torch.allclose((arm.jacobian(at) @ step[:, None, :, None])[..., 0], moved, atol=1e-11)


def test_rotations_are_found_from_afar():
    arm, true = Arm(), motion(90, 9, 4) * 1.4
    seen = Landmarks(arm.points(true), torch.full((90, 6), 1e4, dtype=torch.float64))
    found = fit(arm, seen, free(9), torch.zeros_like(true), torch.zeros(90, dtype=torch.int64), 40, 1e6)
    assert torch.rad2deg(difference(found.parameters, true, (0, 3))[:, :6].abs()).max() < 0.1
    assert found.residual.max() < 0.05


def test_one_linear_step_is_least_squares():
    line, y = Line(noise((4, 7, 2), 5)), noise((10, 7, 2), 6)
    seen = Landmarks(y, torch.ones(10, 7, dtype=torch.float64))
    runs = torch.arange(10)
    found = fit(line, seen, free(4), torch.zeros(10, 4, dtype=torch.float64), runs, 12, 1e9)
    matrix = line.shapes.flatten(1).T
    expected = torch.linalg.lstsq(matrix, y.flatten(1).T).solution.T
    assert torch.allclose(found.parameters, expected, atol=1e-5)
    assert torch.allclose(found.certainty[0], 1 / torch.linalg.inv(matrix.T @ matrix).diagonal(), rtol=1e-3)


def test_outliers_hardly_pull():
    line, true = Line(noise((3, 20, 2), 7)), motion(50, 3, 8)
    points = line.points(true) + 0.01 * noise((50, 20, 2), 9)
    points[:, :3] += 5
    seen = Landmarks(points, torch.full((50, 20), 1e4, dtype=torch.float64))
    runs = torch.zeros(50, dtype=torch.int64)
    robust, plain = (fit(line, seen, free(3), true * 0, runs, 25, c).parameters for c in (3, 1e6))
    assert (robust - true).abs().mean() < 0.02 < 0.2 < (plain - true).abs().mean()


def test_smoothness_is_the_exact_answer_over_chunk_borders():
    frames, smooth, precision = 100, 50.0, 4.0
    line, y = Line(torch.ones(1, 1, 1, dtype=torch.float64)), noise((100, 1, 1), 10)
    seen = Landmarks(y, torch.full((frames, 1), precision, dtype=torch.float64))
    runs = torch.repeat_interleave(torch.arange(2), 50)
    found = fit(line, seen, free(1, 1e-9, smooth), y[..., 0], runs, 60, 1e6).parameters[:, 0]
    change = torch.diff(torch.eye(frames, dtype=torch.float64), dim=0)
    change[49] = 0  # the second run starts anew
    expected = torch.linalg.solve(precision * torch.eye(frames) + smooth * change.T @ change, precision * y[:, 0, 0])
    assert torch.allclose(found, expected, atol=1e-3)


def test_limits_hold_and_the_rest_is_optimal_within_them():
    line = Line(torch.tensor([[[1.0, 0.2]], [[0.5, 1.0]]], dtype=torch.float64))
    prior = free(2)._replace(low=torch.zeros(2, dtype=torch.float64), high=torch.ones(2, dtype=torch.float64))
    seen = Landmarks(torch.tensor([[[-1.0, 0.5]]], dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64))
    found = fit(
        line, seen, prior, torch.full((1, 2), 0.5, dtype=torch.float64), torch.zeros(1, dtype=torch.int64), 30, 1e6
    )
    second = (seen.points[0, 0] @ line.shapes[1, 0]) / line.shapes[1, 0].square().sum()
    assert torch.allclose(found.parameters[0], torch.stack([second * 0, second.clamp(0, 1)]), atol=1e-4)


def test_soft_limits_hold_a_rotation():
    arm, true = Arm(), torch.tensor([[0, 0, 0, 0, 0, 1.0, 0, 0, 0]], dtype=torch.float64)
    prior = free(9)
    prior.high[5] = 0.5
    seen = Landmarks(arm.points(true), torch.full((1, 6), 1.0, dtype=torch.float64))
    found = fit(arm, seen, prior, true * 0, torch.zeros(1, dtype=torch.int64), 40, 1e6)
    assert 0.45 < found.parameters[0, 5] < 0.56


def test_unknown_landmarks_leave_the_prior_and_the_neighbours():
    line, true = Line(noise((2, 5, 2), 11)), torch.ones(9, 2, dtype=torch.float64)
    points, precision = line.points(true), torch.full((9, 5), 1e4, dtype=torch.float64)
    points[4] = torch.nan
    runs = torch.zeros(9, dtype=torch.int64)
    found = fit(line, Landmarks(points, precision), free(2, 1e-6, 10.0), true * 0, runs, 30, 1e6)
    assert torch.allclose(found.parameters, true, atol=1e-3)
    assert found.residual.isnan().tolist() == [i == 4 for i in range(9)]
    assert found.certainty[4].max() < 1e-3 * found.certainty[3].min()
    alone = fit(line, Landmarks(points, precision), free(2, 1e-6), true * 0.5, torch.arange(9), 30, 1e6)
    assert torch.allclose(alone.parameters[4], torch.zeros(2, dtype=torch.float64), atol=1e-6)


def test_rows_in_any_order_of_runs_and_no_rows_at_all():
    line, true = Line(noise((2, 5, 2), 12)), motion(30, 2, 13)
    seen = Landmarks(line.points(true) + 0.1 * noise((30, 5, 2), 14), torch.ones(30, 5, dtype=torch.float64))
    runs, mixed = torch.arange(30) // 10, torch.arange(30).reshape(3, 10).T.flatten()
    first = fit(line, seen, free(2, smooth=5.0), true * 0, runs, 20, 3)
    second = fit(
        line, Landmarks(*(values[mixed] for values in seen)), free(2, smooth=5.0), true * 0, runs[mixed], 20, 3
    )
    assert torch.allclose(first.parameters[mixed], second.parameters, atol=1e-8)
    nothing = fit(line, Landmarks(*(v[:0] for v in seen)), free(2), true[:0], runs[:0], 5, 3)
    assert nothing.parameters.shape == (0, 2)


def test_what_nothing_tells_costs_neither_the_job_nor_other_tracks():
    line, true = Line(noise((2, 5, 2), 15)), motion(4, 2, 16)
    points = line.points(true)
    points[1] = torch.nan
    prior = free(2, precision=0.0)
    seen = Landmarks(points, torch.full((4, 5), 1e4, dtype=torch.float64))
    found = fit(line, seen, prior, true * 0, torch.arange(4), 30, 1e6)
    assert torch.isfinite(found.parameters).all()
    assert torch.allclose(found.parameters[[0, 2, 3]], true[[0, 2, 3]], atol=1e-4)
    assert (found.certainty[1] == 0).all() and (found.certainty[0] > 0).all()
