"""Models of a head or body whose licence its users accept: FLAME and SMPL-X, read from the published files.

Both are a mean mesh, directions of shape, of expression and of pose, and joints that bend the mesh by linear blend
skinning (Loper et al. 2015; Li et al. 2017; Pavlakos et al. 2019). Axes and units are the project's: x to the person's
left, y up, z forward, metres.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import roma
import torch
from torch import Tensor

from nonverbal.arrays import load_arrays
from nonverbal.errors import UserError

ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
FLAME_JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
SMPLX_JOINT_COUNT = 55
# Directions of a file -> how many of them, the first, are of shape; the rest are of expression.
OF_SHAPE = {400: 300, 20: 10}


@dataclass(frozen=True)
class LinearBlend:
    """A mesh of shape, expression and joint rotations.

    Attributes:
        name: of the model, for captions.
        template: mean vertices, [V, 3] metres.
        shapes, expressions: vertex offsets of one standard deviation, [S, V, 3] and [E, V, 3].
        correctives: vertex offsets of the numbers of R - 1 of every joint but the root, [9 (J - 1), V, 3].
        regressor: joints as means of vertices, [J, V].
        weights: of skinning, [V, J].
        parents: of each joint; the root's is -1.
        faces: triangles, int64 [F, 3].
    """

    name: str
    template: Tensor
    shapes: Tensor
    expressions: Tensor
    correctives: Tensor
    regressor: Tensor
    weights: Tensor
    parents: tuple[int, ...]
    faces: np.ndarray

    def shaped(self, shape: Tensor, expression: Tensor) -> Tensor:
        """Unposed vertices [N, V, 3] for leading coefficients of shape [N, <= S] and expression [N, <= E]."""
        if shape.shape[1] > len(self.shapes) or expression.shape[1] > len(self.expressions):
            raise ValueError(f"{self.name} has {len(self.shapes)} shapes and {len(self.expressions)} expressions")
        offsets = shape @ self.shapes[: shape.shape[1]].flatten(1)
        offsets = offsets + expression @ self.expressions[: expression.shape[1]].flatten(1)
        return self.template + offsets.unflatten(1, (-1, 3))

    def __call__(self, shape: Tensor, expression: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """Pose the mesh.

        Args:
            shape: leading coefficients, [N, <= S] standard deviations.
            expression: leading coefficients, [N, <= E] standard deviations.
            rotations: axis-angle of each joint on its parent, [N, J, 3] radians.

        Returns:
            Vertices [N, V, 3] and joints [N, J, 3] in metres; the root joint stays where its regressor puts it.
        """
        local = roma.rotvec_to_rotmat(rotations)
        vertices = self.shaped(shape, expression)
        rest = self.regressor @ vertices
        bends = (local[:, 1:] - torch.eye(3, dtype=local.dtype)).flatten(1)
        vertices = vertices + (bends @ self.correctives.flatten(1)).unflatten(1, (-1, 3))
        world, joints = _chain(local, rest, self.parents)
        moves = joints - (world @ rest[..., None])[..., 0]
        transforms = torch.cat([world, moves[..., None]], dim=-1).flatten(2)
        blended = (self.weights @ transforms).unflatten(-1, (3, 4))
        return (blended[..., :3] @ vertices[..., None])[..., 0] + blended[..., 3], joints


def _chain(local: Tensor, rest: Tensor, parents: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """World rotations [N, J, 3, 3] and positions [N, J, 3] of joints that rest at [N, J, 3]."""
    world, positions = [local[:, 0]], [rest[:, 0]]
    for joint, parent in enumerate(parents[1:], start=1):
        world.append(world[parent] @ local[:, joint])
        bone = (rest[:, joint] - rest[:, parent])[..., None]
        positions.append(positions[parent] + (world[parent] @ bone)[..., 0])
    return torch.stack(world, dim=1), torch.stack(positions, dim=1)


def load_flame(path: Path) -> LinearBlend:
    """FLAME of 2017 to 2023, .pkl as published or .npz.

    Raises:
        UserError: the file is not FLAME's.
    """
    return _load(path, "FLAME", len(FLAME_JOINTS), (400,))


def load_smplx(path: Path) -> LinearBlend:
    """SMPL-X 1.0 or 1.1, .npz or .pkl as published.

    Raises:
        UserError: the file is not SMPL-X's.
    """
    return _load(path, "SMPL-X", SMPLX_JOINT_COUNT, (400, 20))


def load_mean_hands(path: Path) -> Tensor:
    """SMPL-X's mean left and right hand, rotation vectors [30, 3]: what some networks' hands are relative to.

    Raises:
        UserError: the file does not hold them.
    """
    arrays = load_arrays(path, ("hands_meanl", "hands_meanr"))
    hands = np.concatenate([arrays[name].ravel() for name in ("hands_meanl", "hands_meanr")])
    if hands.shape != (90,):
        raise _not_it(path, "SMPL-X", f"its mean hands have {len(hands)} numbers, not 90")
    return torch.from_numpy(hands.astype(np.float32)).reshape(30, 3)


def _load(path: Path, name: str, joints: int, directions: tuple[int, ...]) -> LinearBlend:
    arrays = load_arrays(path, ARRAYS)
    _check(path, name, joints, directions, arrays)
    numbers = {key: torch.from_numpy(array.astype(np.float32)) for key, array in arrays.items() if key in _FLOATS}
    offsets = numbers["shapedirs"].permute(2, 0, 1).contiguous()
    of_shape = OF_SHAPE[len(offsets)]
    parents = arrays["kintree_table"][0].astype(np.int64)
    return LinearBlend(
        name=name, template=numbers["v_template"], shapes=offsets[:of_shape], expressions=offsets[of_shape:],
        correctives=numbers["posedirs"].permute(2, 0, 1).contiguous(), regressor=numbers["J_regressor"],
        weights=numbers["weights"], parents=(-1, *(int(parent) for parent in parents[1:])),
        faces=arrays["f"].astype(np.int64),
    )  # fmt: skip


_FLOATS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")


def _check(path: Path, name: str, joints: int, directions: tuple[int, ...], arrays: dict[str, np.ndarray]) -> None:
    """Shapes and indices are such that nothing fails later, and of the model that is asked for."""
    found = {key: array.shape for key, array in arrays.items()}
    vertices, of_shapes = (*found["v_template"], 0)[0], (*found["shapedirs"], 0, 0, 0)[2]
    wanted = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, of_shapes),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "kintree_table": (2, joints),
        "f": ((*found["f"], 0)[0], 3),
    }
    for key, shape in wanted.items():
        if found[key] != shape:
            raise _not_it(path, name, f"its {key} is {_sides(found[key])}, not {_sides(shape)}")
    if of_shapes not in directions:
        counts = " or ".join(str(count) for count in directions)
        raise _not_it(path, name, f"it has {of_shapes} directions of shape and expression, not {counts}")
    parents, faces = arrays["kintree_table"][0].astype(np.int64)[1:], arrays["f"].astype(np.int64)
    if not ((parents >= 0) & (parents < np.arange(1, joints))).all() or not ((faces >= 0) & (faces < vertices)).all():
        raise _not_it(path, name, "its joints or triangles name what is not there")
    if not all(np.isfinite(arrays[key].astype(np.float32)).all() for key in _FLOATS):
        raise _not_it(path, name, "it holds numbers that are not finite")


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape) or "one number"


def _not_it(path: Path, name: str, why: str) -> UserError:
    return UserError(f"{path} is not {name}'s model: {why}; put the file there as it was published")
