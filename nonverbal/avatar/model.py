"""Anny, an open parametric body, moved in SMPL-X's convention.

Anny (NAVER, Apache-2.0 code, CC0 data) rests in an A-pose with its own bones. Here its bones are gathered into the 52
joints of SMPL-X's body and hands, and each joint gets the rotation that brings it from Anny's rest to the T-pose, so
that SMPL-X joint rotations pose it directly. It is not SMPL-X: the body's shape and surface are Anny's.
"""

from collections.abc import Mapping
from functools import cached_property

import torch

from nonverbal.avatar.rig import (
    action_basis,
    anny_bone,
    joint_weights,
    load_anny,
    t_pose_joints,
    t_pose_rotations,
    to_smplx_axes,
)
from nonverbal.avatar.skeleton import JOINTS, body_features, forward_kinematics, joint_rotations
from nonverbal.layouts import BODY_FEATURES, OPEN_FACE_ACTIONS, OPEN_JAW_ACTIONS

ACTIONS = OPEN_FACE_ACTIONS + OPEN_JAW_ACTIONS
ADULT = {"gender": 0.5, "age": 0.67, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.7}
MOVED_M = 1e-4  # a vertex that no facial action moves farther is not of the face
CHIN = 0.8  # of the way of the point that jawOpen moves farthest
_BELOW = ("root", "hip", "knee", "ankle", "foot")


class Avatar:
    """One person's body: shape from a phenotype, pose from body features, face from facial actions.

    Args:
        phenotype: Anny's phenotype parameters in 0..1 (gender 0 is male, age 0.67 is a young adult, ...); those left
            out are ADULT's.

    Attributes:
        faces: triangles, int64 [F, 3].
        rest_vertices: surface in Anny's A-pose, [V, 3] metres, the root joint at the origin.
        rest_joints: joints in the T-pose, [52, 3]; names in `skeleton.JOINTS`.
        weights: skinning weights, [V, 52].
        action_basis: vertex offsets of each facial action, [51, V, 3]; names in ACTIONS.
    """

    def __init__(self, phenotype: Mapping[str, float] | None = None) -> None:
        source = load_anny()
        with torch.no_grad():
            shape = source(phenotype_kwargs=ADULT | dict(phenotype or {}))
        heads = to_smplx_axes(shape["rest_bone_heads"][0].float())
        self.joints = torch.stack([heads[source.bone_labels.index(anny_bone(joint))] for joint in JOINTS]) - heads[0]
        self.rest_vertices = to_smplx_axes(shape["rest_vertices"][0].float()) - heads[0]
        self.faces = source.get_triangular_faces()
        self.to_t_pose = t_pose_rotations(self.joints)
        self.rest_joints = t_pose_joints(self.joints, self.to_t_pose)
        self.weights = joint_weights()
        self.action_basis = action_basis()

    def __call__(
        self, features: torch.Tensor | None = None, actions: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pose body and face.

        Args:
            features: body features [N, 179], radians; the T-pose when left out. Jaw, shape, expression are not read.
            actions: facial actions then jaw, [N, 51] in the order ACTIONS; a resting face when left out.

        Returns:
            Vertices [N, V, 3] and joints [N, 52, 3] in metres; the root joint stays at the origin.
        """
        if features is None:
            features = torch.zeros(1 if actions is None else len(actions), BODY_FEATURES)
        surface = self.rest_vertices[None]
        if actions is not None:
            surface = surface.repeat(len(actions), 1, 1)
            surface[:, self.face_index] = self.face_vertices(torch.nan_to_num(actions))
        return self.skin(features, surface, self.weights)

    def skin(
        self, features: torch.Tensor, surface: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Linear blend skinning from Anny's rest.

        Args:
            features: body features [N, 179].
            surface: unposed vertices, [N, V, 3] or [1, V, 3].
            weights: their skinning weights, [V, 52].

        Returns:
            Posed vertices [N, V, 3] and joints [N, 52, 3].
        """
        rotations, joints = forward_kinematics(joint_rotations(features), self.rest_joints)
        skinning = rotations @ self.to_t_pose
        offsets = joints - (skinning @ self.joints[..., None])[..., 0]
        transforms = torch.cat([skinning, offsets[..., None]], dim=-1).flatten(2)
        blended = (weights @ transforms).unflatten(-1, (3, 4))
        return (blended[..., :3] @ surface[..., None])[..., 0] + blended[..., 3], joints

    @cached_property
    def face_index(self) -> torch.Tensor:
        """The vertices that facial actions move, int64 [Vf]."""
        return torch.nonzero((self.action_basis.norm(dim=-1) > MOVED_M).any(dim=0)).flatten()

    @cached_property
    def upper_index(self) -> torch.Tensor:
        """The vertices above the hips, int64 [Vu]."""
        below = [i for i, joint in enumerate(JOINTS) if joint.split("_")[-1] in _BELOW]
        return torch.nonzero(self.weights[:, below].sum(dim=1) < 0.5).flatten()

    @cached_property
    def jaw_angle(self) -> float:
        """Radians that the action jawOpen turns the jaw at full strength.

        The turn in the plane of symmetry that best fits the chin: the points moved at least 0.8 of the farthest.
        """
        moved = self.action_basis[ACTIONS.index("jawOpen")]
        length = moved.norm(dim=-1)
        chin = length >= CHIN * length.max()
        before, after = self.rest_vertices[chin][:, 1:], (self.rest_vertices + moved)[chin][:, 1:]
        cross = (before - before.mean(dim=0)).mT @ (after - after.mean(dim=0))
        return abs(float(torch.atan2(cross[0, 1] - cross[1, 0], cross[0, 0] + cross[1, 1])))

    @cached_property
    def _face_basis(self) -> torch.Tensor:
        return self.action_basis[:, self.face_index].flatten(1)

    def face_vertices(self, actions: torch.Tensor) -> torch.Tensor:
        """The face's vertices for facial actions and jaw [N, 51]: linear, head at rest, [N, Vf, 3] metres."""
        return self.rest_vertices[self.face_index] + (actions @ self._face_basis).unflatten(-1, (-1, 3))

    def body_vertices(self, trained: torch.Tensor, every: int = 1) -> torch.Tensor:
        """The upper body's vertices for trained body vectors [N, 117]: every `every`-th one, [N, Vu, 3] metres."""
        index = self.upper_index[::every]
        return self.skin(body_features(trained), self.rest_vertices[index][None], self.weights[index])[0]
