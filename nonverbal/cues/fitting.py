"""One engine for faces and bodies: a model's parameters fitted to landmarks, a whole track at a time.

Robust Gauss-Newton (Levenberg-Marquardt): each landmark counts by a Cauchy weight, each parameter has a prior and
limits, and neighbouring frames of a run are coupled. The frames of a run are solved in chunks, many chunks at once.
"""

from typing import NamedTuple, Protocol

import roma
import torch
from torch import Tensor

CHUNK = 32  # frames that are solved together; their neighbours count as they were in the step before
GROUP_NUMBERS = 25_000_000  # numbers of a jacobian in memory at a time: 100 MB
LIMIT_RAD = 0.05  # standard deviation of a rotation beyond its limits
SMALL_RAD = 0.05  # below this a series stands for a quotient of zeros
DAMPING, LEAST_DAMPING = 1e-3, 1e-6
ENOUGH = 1e-6  # share of its cost that a chunk must gain for another step
EASIER, HARDER = 0.3, 10.0  # what becomes of a chunk's damping after a good and a bad step


class Model(Protocol):
    """Parameters [T, K] -> points [T, P, D]. A step on a rotation vector p means R(p) exp(step), on others p + step."""

    rotations: tuple[int, ...]
    """First column of each three that are a rotation vector."""

    def points(self, parameters: Tensor) -> Tensor:
        """Points [T, P, D] of parameters [T, K]."""

    def jacobian(self, parameters: Tensor) -> Tensor:
        """Change of the points with a step of the parameters, [T, P, D, K]."""


class Landmarks(NamedTuple):
    """Points found, [T, P, D], NaN where unknown, and their precision [T, P]: 1 / variance; 0 where unknown."""

    points: Tensor
    precision: Tensor


class Prior(NamedTuple):
    """What is known of the parameters before anything is seen.

    Args:
        mean: [K].
        precision: inverse covariance, [K, K].
        smooth: 1 / variance of the change from frame to frame, [K]; equal for the three numbers of a rotation.
        low, high: limits, [K], infinite where there is none; a rotation's are soft and of its vector.
    """

    mean: Tensor
    precision: Tensor
    smooth: Tensor
    low: Tensor
    high: Tensor


class Fitted(NamedTuple):
    """What was fitted to T frames.

    Args:
        parameters: [T, K].
        residual: root mean square distance of the landmarks of a frame in standard deviations, [T]; NaN without any.
        certainty: of each parameter, 1 / variance, from the frame's own landmarks and the prior, [T, K]; 0 in frames
            of which something is told by neither.
    """

    parameters: Tensor
    residual: Tensor
    certainty: Tensor


def fit(
    model: Model, landmarks: Landmarks, prior: Prior, start: Tensor, runs: Tensor, steps: int, outlier: float
) -> Fitted:
    """The most probable parameters.

    Args:
        model: what the points come from.
        landmarks: of T frames.
        prior: of the K parameters.
        start: [T, K].
        runs: number of the unbroken run that each frame belongs to, [T]; frames of a run in order of time.
        steps: at most; fewer where no chunk gains more by another.
        outlier: distance in standard deviations at which a landmark counts half.
    """
    problem = _Problem(model, _known(landmarks), prior, outlier)
    state = _clamped(problem, start)
    groups = _groups(runs, landmarks.points.shape[1:].numel() * start.shape[1])
    damping = [torch.full((len(group.rows),), DAMPING, dtype=start.dtype) for group in groups]
    for _ in range(steps):
        gains = []
        for number, group in enumerate(groups):
            damping[number], gain = _step(problem, state, group, damping[number])
            gains.append(gain)
        if max(gains, default=0) < ENOUGH:
            break
    residual, certainty = torch.empty_like(state[:, 0]), torch.empty_like(state)
    for group in groups:
        rows = group.rows[group.real]
        residual[rows], certainty[rows] = _quality(problem, state[rows], rows)
    return Fitted(state, residual, certainty)


def retract(parameters: Tensor, step: Tensor, rotations: tuple[int, ...]) -> Tensor:
    """Parameters [..., K] after a step [..., K]."""
    out = parameters + step
    if rotations:
        columns = _columns(rotations)
        before, turn = (values[..., columns].unflatten(-1, (-1, 3)) for values in (parameters, step))
        out[..., columns] = roma.rotvec_composition((before, turn)).flatten(-2)
    return out


def difference(first: Tensor, second: Tensor, rotations: tuple[int, ...]) -> Tensor:
    """The step [..., K] that leads from the first parameters to the second."""
    out = second - first
    if rotations:
        columns = _columns(rotations)
        before, after = (values.expand(out.shape)[..., columns].unflatten(-1, (-1, 3)) for values in (first, second))
        out[..., columns] = roma.rotvec_composition((-before, after)).flatten(-2)
    return out


def autojacobian(model: Model, parameters: Tensor) -> Tensor:
    """`Model.jacobian` by automatic differentiation, [T, P, D, K]; for models without a closed form."""
    columns = [
        torch.func.jvp(model.points, (parameters,), (unit.expand_as(parameters),))[1]
        for unit in torch.eye(parameters.shape[1], dtype=parameters.dtype)
    ]
    return torch.stack(columns, dim=-1) @ _turns(parameters, model.rotations)[:, None]


class _Problem(NamedTuple):
    model: Model
    landmarks: Landmarks
    prior: Prior
    outlier: float


class _Group(NamedTuple):
    """Chunks solved at once: rows [B, L]; which of them are real; rows of neighbours outside, -1 where none, [B]."""

    rows: Tensor
    real: Tensor
    before: Tensor
    after: Tensor


def _known(landmarks: Landmarks) -> Landmarks:
    unknown = ~torch.isfinite(landmarks.points).all(dim=2)
    return Landmarks(torch.nan_to_num(landmarks.points), landmarks.precision.masked_fill(unknown, 0))


def _columns(rotations: tuple[int, ...]) -> list[int]:
    return [first + i for first in rotations for i in range(3)]


def _groups(runs: Tensor, numbers: int) -> list[_Group]:
    """Chunks of runs, in groups whose jacobians of so many numbers a frame stay within GROUP_NUMBERS."""
    order = torch.argsort(runs, stable=True)
    _, lengths = torch.unique_consecutive(runs[order], return_counts=True)
    chunks, before, after = [], [], []
    for rows in order.split(lengths.tolist()):
        parts = rows.split(CHUNK)
        chunks += parts
        before += [-1, *(int(part[-1]) for part in parts[:-1])]
        after += [*(int(part[0]) for part in parts[1:]), -1]
    at_once = max(GROUP_NUMBERS // (CHUNK * numbers), 1)
    out = []
    for first in range(0, len(chunks), at_once):
        some = slice(first, first + at_once)
        rows = torch.nn.utils.rnn.pad_sequence(chunks[some], batch_first=True, padding_value=-1)
        out.append(_Group(rows.clamp_min(0), rows >= 0, torch.tensor(before[some]), torch.tensor(after[some])))
    return out


def _clamped(problem: _Problem, start: Tensor) -> Tensor:
    """A copy within the limits; rotations, whose limits are soft, as they are."""
    low, high = _hard_limits(problem)
    return torch.maximum(torch.minimum(start, high), low)


def _hard_limits(problem: _Problem) -> tuple[Tensor, Tensor]:
    low, high, columns = problem.prior.low.clone(), problem.prior.high.clone(), _columns(problem.model.rotations)
    low[columns], high[columns] = -torch.inf, torch.inf
    return low, high


def _soft(problem: _Problem, parameters: Tensor) -> Tensor:
    """How far rotations are beyond their limits, [..., K]; 0 elsewhere."""
    excess, columns = torch.zeros_like(parameters), _columns(problem.model.rotations)
    inside = torch.maximum(torch.minimum(parameters, problem.prior.high), problem.prior.low)
    excess[..., columns] = (parameters - inside)[..., columns]
    return excess


def _turns(vectors: Tensor, rotations: tuple[int, ...]) -> Tensor:
    """How rotation vectors of [N, K] change with a step, [N, K, K]: right jacobians' inverses (Sola et al. 2018)."""
    out = torch.eye(vectors.shape[1], dtype=vectors.dtype).repeat(len(vectors), 1, 1)
    for first in rotations:
        block = slice(first, first + 3)
        vector, axes = vectors[:, None, block].expand(-1, 3, -1), torch.eye(3, dtype=vectors.dtype)
        cross = torch.linalg.cross(vector, axes.expand_as(vector)).mT
        angle = vector.norm(dim=2, keepdim=True)
        large = angle.clamp_min(SMALL_RAD)
        second = torch.where(
            angle < SMALL_RAD, 1 / 12 + angle**2 / 720, 1 / large**2 - 1 / (2 * large * (large / 2).tan())
        )
        out[:, block, block] += cross / 2 + second * (cross @ cross)
    return out


def _step(problem: _Problem, state: Tensor, group: _Group, damping: Tensor) -> tuple[Tensor, float]:
    """Move a group's frames in `state` one step; the chunks' damping afterwards, [B], and the largest gain."""
    rows, real, rotations = group.rows, group.real, problem.model.rotations
    here = state[rows]
    seen = _residuals(problem, here, group)
    cost = _cost(problem, here, seen, group, state)
    normal, gradient = _normal(problem, here, seen, group, state)
    normal += torch.diag_embed(damping[:, None, None] * normal.diagonal(dim1=2, dim2=3))
    low, high = _hard_limits(problem)
    held = ((here <= low) & (gradient > 0)) | ((here >= high) & (gradient < 0)) | ~real[..., None]
    step = _solve(normal, -gradient, problem.prior.smooth, held)
    moved = retract(here, step, rotations)
    moved = torch.maximum(torch.minimum(moved, high), low)
    gain = cost - _cost(problem, moved, _residuals(problem, moved, group), group, state)
    accepted = real & (gain > 0)[:, None]
    state[rows[accepted]] = moved[accepted]
    easier = torch.where(gain > 0, (damping * EASIER).clamp_min(LEAST_DAMPING), damping * HARDER)
    return easier, float((gain.abs() / cost.clamp_min(1e-12)).max())


def _neighbours(here: Tensor, group: _Group, state: Tensor, rotations: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Steps from the frame before to each frame and whether there is one: [B, L + 1, K], [B, L + 1]."""
    lengths = group.real.sum(dim=1)
    places = torch.arange(here.shape[1] + 1)
    padded = torch.cat([state[group.before.clamp_min(0)][:, None], here, here[:, -1:]], dim=1)
    padded[torch.arange(len(here)), lengths + 1] = state[group.after.clamp_min(0)]
    linked = (places > 0) & (places < lengths[:, None])
    linked[:, 0] = group.before >= 0
    linked[torch.arange(len(here)), lengths] = group.after >= 0
    return difference(padded[:, :-1], padded[:, 1:], rotations) * linked[..., None], linked


class _Seen(NamedTuple):
    """Model minus landmarks [B, L, P, D], precision [B, L, P] and squared distances in variances [B, L, P]."""

    off: Tensor
    precision: Tensor
    squares: Tensor


def _residuals(problem: _Problem, here: Tensor, group: _Group) -> _Seen:
    points = problem.model.points(here.flatten(0, 1)).unflatten(0, here.shape[:2])
    off = points - problem.landmarks.points[group.rows]
    precision = problem.landmarks.precision[group.rows] * group.real[..., None]
    return _Seen(off, precision, precision * off.square().sum(dim=-1))


def _cost(problem: _Problem, here: Tensor, seen: _Seen, group: _Group, state: Tensor) -> Tensor:
    """Minus the logarithm of the probability of each chunk, [B]."""
    prior, rotations, real = problem.prior, problem.model.rotations, group.real[..., None]
    misfit = (problem.outlier**2 * torch.log1p(seen.squares / problem.outlier**2)).sum(dim=(1, 2))
    apart = difference(prior.mean, here, rotations) * real
    expected = ((apart @ prior.precision) * apart).sum(dim=(1, 2))
    changes, _ = _neighbours(here, group, state, rotations)
    calm = (prior.smooth * changes.square()).sum(dim=(1, 2))
    excess = (_soft(problem, here) * real / LIMIT_RAD).square().sum(dim=(1, 2))
    return (misfit + expected + calm + excess) / 2


def _normal(problem: _Problem, here: Tensor, seen: _Seen, group: _Group, state: Tensor) -> tuple[Tensor, Tensor]:
    """Normal matrices [B, L, K, K] and gradients [B, L, K] of chunks; links between frames left out."""
    prior, rotations, off = problem.prior, problem.model.rotations, seen.off
    weights = seen.precision / (1 + seen.squares / problem.outlier**2)
    jacobian = problem.model.jacobian(here.flatten(0, 1)).unflatten(0, here.shape[:2]).flatten(2, 3)
    weighted = jacobian * weights.repeat_interleave(off.shape[-1], dim=-1)[..., None]
    normal = weighted.mT @ jacobian
    gradient = (weighted.mT @ off.flatten(2)[..., None])[..., 0]
    own, own_gradient = _prior_terms(problem, here.flatten(0, 1))
    normal += own.unflatten(0, here.shape[:2])
    gradient += own_gradient.unflatten(0, here.shape[:2])
    changes, linked = _neighbours(here, group, state, rotations)
    gradient += prior.smooth * (changes[:, :-1] - changes[:, 1:])
    links = linked[:, :-1].to(here.dtype) + linked[:, 1:]
    normal += torch.diag_embed(links[..., None] * prior.smooth)
    return normal, gradient


def _prior_terms(problem: _Problem, parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Normal matrices [N, K, K] and gradients [N, K] of prior and soft limits."""
    prior, rotations = problem.prior, problem.model.rotations
    apart, excess = difference(prior.mean, parameters, rotations), _soft(problem, parameters) / LIMIT_RAD**2
    if not rotations:
        return prior.precision.expand(len(apart), -1, -1).clone(), apart @ prior.precision
    turns = _turns(apart, rotations)
    normal = turns.mT @ prior.precision @ turns
    gradient = (turns.mT @ (apart @ prior.precision)[..., None])[..., 0]
    own = _turns(parameters, rotations)
    gradient += (own.mT @ excess[..., None])[..., 0]
    normal += own.mT @ torch.diag_embed((excess != 0).to(excess.dtype) / LIMIT_RAD**2) @ own
    return normal, gradient


def _solve(normal: Tensor, right: Tensor, smooth: Tensor, held: Tensor) -> Tensor:
    """Solve block-tridiagonal systems whose links are -diag(smooth): [B, L, K].

    Held parameters get no step, nor does a chunk whose system is singular, so that it is damped more.
    """
    free = (~held).to(normal.dtype)
    normal = normal * free[..., None] * free[..., None, :] + torch.diag_embed(1 - free)
    right, links = right * free, smooth * free[:, :-1] * free[:, 1:]
    unsolved = torch.zeros(len(right), dtype=torch.bool)
    factors: list[Tensor] = []
    sides: list[Tensor] = []
    for frame in range(right.shape[1]):
        block, side = normal[:, frame], right[:, frame]
        if frame:
            link = links[:, frame - 1]
            inverse = torch.cholesky_inverse(factors[-1])
            block = block - link[..., None] * inverse * link[:, None]
            side = side + link * (inverse @ sides[-1][..., None])[..., 0]
        factor, failed = torch.linalg.cholesky_ex(block)
        unsolved |= failed > 0
        factors.append(torch.where(unsolved[:, None, None], torch.eye(block.shape[1], dtype=block.dtype), factor))
        sides.append(side)
    step = torch.zeros_like(right)
    for frame in reversed(range(right.shape[1])):
        side = sides[frame]
        if frame + 1 < right.shape[1]:
            side = side + links[:, frame] * step[:, frame + 1]
        step[:, frame] = torch.cholesky_solve(side[..., None], factors[frame])[..., 0]
    return step.masked_fill(unsolved[:, None, None], 0)


def _quality(problem: _Problem, parameters: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Residual [N] and certainty [N, K] of frames."""
    alone = _Group(rows[:, None], torch.ones(len(rows), 1, dtype=torch.bool), *(torch.full((len(rows),), -1),) * 2)
    off, precision, squares = _residuals(problem, parameters[:, None], alone)
    seen = (precision > 0).sum(dim=(1, 2)) * off.shape[-1]
    residual = (squares.sum(dim=(1, 2)) / seen).sqrt()
    weights = (precision / (1 + squares / problem.outlier**2))[:, 0].repeat_interleave(off.shape[-1], dim=-1)
    jacobian = problem.model.jacobian(parameters).flatten(1, 2)
    normal = (jacobian * weights[..., None]).mT @ jacobian + _prior_terms(problem, parameters)[0]
    inverse, failed = torch.linalg.inv_ex(normal)
    certainty = 1 / inverse.diagonal(dim1=1, dim2=2)
    return residual, certainty.masked_fill(failed[:, None] > 0, 0)
