"""The SMPL-X kinematic tree and its forward kinematics.

Axes: x to the person's left, y up, z forward. A rotation of zero everywhere is the T-pose: arms along x, palms down.
Joint order: root, layouts.SMPLX_JOINTS, left hand, right hand, which is the order of body features 0:156.
"""

import roma
import torch

from nonverbal.layouts import JOINTS, PARENTS, SMPLX_BODY


def forward_kinematics(rotations: torch.Tensor, rest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """World rotation and position of every joint.

    Args:
        rotations: axis-angle of each joint relative to its parent, [N, 52, 3] radians.
        rest: joint positions in the T-pose, [52, 3] metres; the root stays where it is.

    Returns:
        Rotation matrices [N, 52, 3, 3] and positions [N, 52, 3].
    """
    local = roma.rotvec_to_rotmat(rotations)
    world, positions = [local[:, 0]], [rest[0].expand(len(rotations), 3)]
    for joint in range(1, len(PARENTS)):
        parent = PARENTS[joint]
        world.append(world[parent] @ local[:, joint])
        positions.append(positions[parent] + world[parent] @ (rest[joint] - rest[parent]))
    return torch.stack(world, dim=1), torch.stack(positions, dim=1)


def joint_rotations(features: torch.Tensor) -> torch.Tensor:
    """Axis-angle [N, 52, 3] of body features [N, 179]; unknown numbers (NaN) are no rotation."""
    return torch.nan_to_num(features[:, : 3 * len(JOINTS)]).reshape(len(features), len(JOINTS), 3)


def body_features(trained: torch.Tensor) -> torch.Tensor:
    """Body features [N, 179] of trained body vectors [N, 117]: all else is zero."""
    features = trained.new_zeros(len(trained), SMPLX_BODY.features)
    features[:, torch.as_tensor(SMPLX_BODY.index, device=trained.device)] = trained
    return features
