"""BVH and GLB, read back with libraries that others maintain."""

import bvhio
import numpy as np
import pygltflib
import pytest
import torch
import trimesh
from scipy.spatial.transform import Rotation

from nonverbal.avatar.model import ACTIONS
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.views.bvh import write_bvh
from nonverbal.views.found import find
from nonverbal.views.glb import TARGETS, held_frames, write_glb
from nonverbal.views.motion import motions_of

TOLERANCE_M = 1e-3


@pytest.fixture
def motion(complete):
    return motions_of(find(complete, "v_000"), 0)[0]


@pytest.fixture
def joints(anny, motion) -> np.ndarray:
    """What the avatar's own kinematics give, [T, 52, 3]."""
    _, joints = anny.person.avatar(torch.from_numpy(motion.body), torch.from_numpy(motion.actions))
    return joints.numpy()


def test_a_bvh_reader_finds_every_joint_where_the_avatar_has_it(anny, motion, joints, tmp_path):
    path = tmp_path / "motion.bvh"
    write_bvh(path, motion, anny.person.avatar.rest_joints.numpy())
    file = bvhio.readAsBvh(str(path))
    assert (file.FrameCount, file.FrameTime) == (len(joints), 0.04)
    root = bvhio.readAsHierarchy(str(path))
    for frame in (0, 3, 7, 9, len(joints) - 1):
        root.loadPose(frame)
        places = {joint.Name: np.array(joint.PositionWorld) / 100 for joint, _, _ in root.layout()}
        errors = [np.abs(places[name] - joints[frame, i]).max() for i, name in enumerate(JOINTS)]
        assert max(errors) < TOLERANCE_M


class Glb:
    """Numbers of a GLB file by what they are of, as its own accessors name them."""

    def __init__(self, path) -> None:
        self.file = pygltflib.GLTF2().load(str(path))
        self.blob = self.file.binary_blob()
        (self.animation,) = self.file.animations

    def numbers(self, accessor: int) -> np.ndarray:
        found = self.file.accessors[accessor]
        size = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[found.type]
        kind = {pygltflib.FLOAT: "<f4", pygltflib.UNSIGNED_INT: "<u4", pygltflib.UNSIGNED_BYTE: "u1"}[
            found.componentType
        ]
        start = self.file.bufferViews[found.bufferView].byteOffset
        return np.frombuffer(self.blob, kind, found.count * size, start).reshape(found.count, size)

    def channel(self, node: int, path: str) -> np.ndarray:
        (one,) = [c for c in self.animation.channels if (c.target.node, c.target.path) == (node, path)]
        return self.numbers(self.animation.samplers[one.sampler].output)

    def times(self) -> np.ndarray:
        return self.numbers(self.animation.samplers[0].input).ravel()

    def worlds(self, frame: int) -> np.ndarray:
        """World matrices of the joints, [52, 4, 4]."""
        nodes, worlds = self.file.nodes, np.tile(np.eye(4), (len(JOINTS), 1, 1))
        for joint in range(len(JOINTS)):
            local = np.eye(4)
            local[:3, :3] = Rotation.from_quat(self.channel(joint, "rotation")[frame]).as_matrix()
            local[:3, 3] = nodes[joint].translation
            (above,) = [i for i, node in enumerate(nodes) if joint in node.children] or [None]
            worlds[joint] = local if above is None else worlds[above] @ local
        return worlds


@pytest.fixture
def glb(anny, motion, tmp_path):
    write_glb(tmp_path / "motion.glb", motion, anny, {"clip_id": "v_000"})
    return Glb(tmp_path / "motion.glb")


def test_a_glb_has_the_avatars_joints_in_every_frame(glb, joints):
    assert [node.name for node in glb.file.nodes[:-1]] == list(JOINTS)
    assert np.allclose(glb.times(), np.arange(len(joints)) / 25)
    for frame in (0, 7, len(joints) - 1):
        assert np.abs(glb.worlds(frame)[:, :3, 3] - joints[frame]).max() < TOLERANCE_M


def test_a_glbs_skin_lies_on_the_avatars(glb, anny, motion):
    """Four joints a vertex, not nine, and cloth that keeps its thickness: skin is near, cloth a little off."""
    worlds = glb.worlds(6)
    skin = glb.file.skins[0]
    inverse = glb.numbers(skin.inverseBindMatrices).reshape(-1, 4, 4).swapaxes(1, 2)
    primitive = glb.file.meshes[0].primitives[0]
    rest, which, weights = (
        glb.numbers(getattr(primitive.attributes, name)) for name in ("POSITION", "JOINTS_0", "WEIGHTS_0")
    )
    whole = np.concatenate([rest, np.ones((len(rest), 1))], axis=1)
    posed = np.einsum("vk,vkij,vj->vi", weights, (worlds @ inverse)[which], whole)[:, :3]
    quiet = torch.zeros(1, len(ACTIONS))
    vertices, _ = anny.person.pose(torch.from_numpy(motion.body[6:7]), quiet)
    off = np.linalg.norm(posed - anny.person.surface(vertices[0]).vertices, axis=1)
    bare = anny.person.lift[:, 0] == 0
    assert np.median(off) < 1e-4 and np.quantile(off[bare], 0.99) < 0.002 and np.quantile(off, 0.99) < 0.01


def test_a_glbs_morph_weights_are_the_facial_actions(glb, motion):
    weights = glb.channel(len(JOINTS), "weights").reshape(len(motion.span), len(TARGETS))
    assert glb.file.meshes[0].extras["targetNames"] == list(TARGETS)
    assert weights.min() >= 0
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight"):
        assert np.allclose(weights[:, TARGETS.index(name)], motion.actions[:, ACTIONS.index(name)])
    side = weights[:, TARGETS.index("jawRight")] - weights[:, TARGETS.index("jawLeft")]
    assert np.allclose(side, motion.actions[:, ACTIONS.index("jawSide")]) and side.min() < 0 < side.max()


def test_a_glbs_morph_targets_move_the_jaw(glb, anny):
    target = glb.file.meshes[0].primitives[0].targets[TARGETS.index("jawOpen")]
    sparse = glb.file.accessors[target["POSITION"]].sparse
    start = glb.file.bufferViews[sparse.values.bufferView].byteOffset
    values = np.frombuffer(glb.blob, "<f4", 3 * sparse.count, start).reshape(-1, 3)
    expected = anny.person.sums @ anny.person.avatar.action_basis[ACTIONS.index("jawOpen")].numpy()
    assert np.allclose(values.sum(axis=0), expected.sum(axis=0), atol=1e-2) and values[:, 1].min() < -0.01


def test_another_reader_takes_the_glb_and_what_is_held_is_said(glb, motion, tmp_path):
    scene = trimesh.load(tmp_path / "motion.glb")
    (mesh,) = scene.geometry.values()
    assert len(mesh.faces) == len(glb.numbers(glb.file.meshes[0].primitives[0].indices)) // 3
    extras = glb.file.asset.extras
    assert extras["model"] == "Anny (open stand-in)" and extras["clip_id"] == "v_000"
    assert extras["held_frames"] == held_frames(motion)
    assert extras["held_frames"]["left hand"] == [[0, 19]] and extras["held_frames"]["face"] == [[0, 2], [13, 19]]
