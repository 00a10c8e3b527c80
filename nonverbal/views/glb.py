"""The avatar's mesh with its skeleton, its motion and its facial actions as one binary glTF file (GLB).

52 nodes in SMPL-X's tree turn the skin; 52 morph targets with ARKit's names move the face. The pose of no rotation is
the T-pose. Axes are glTF's own (x to the person's left, y up, z forward), units metres and seconds.
`extras` of the file's asset say which model it is and in which frames a part was not known, hence held.
"""

from pathlib import Path

import numpy as np
import pygltflib as gltf
import scipy.sparse
from scipy.spatial.transform import Rotation

from nonverbal.avatar.model import ACTIONS
from nonverbal.avatar.skeleton import JOINTS, PARENTS
from nonverbal.layouts import FPS
from nonverbal.views.bvh import children
from nonverbal.views.figure import Anny
from nonverbal.views.found import find
from nonverbal.views.motion import Motion, motions_of

INFLUENCES = 4  # joints a vertex: what every viewer reads
STILL_M = 1e-6  # a vertex that an action moves less is not moved by it
SIDE = ACTIONS.index("jawSide")
# jawSide goes both ways; viewers keep weights from 0 on, so it is the difference of two targets.
TARGETS = (*ACTIONS[:SIDE], "jawRight", *ACTIONS[SIDE + 1 :], "jawLeft")
GAMMA = 2.2  # colours are drawn as they are, but stored as amounts of light


class Blob:
    """The numbers of a file, and the accessors that name them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[gltf.BufferView] = []
        self.accessors: list[gltf.Accessor] = []

    def add(self, values: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Store [N] or [N, 2, 3, 4 or 16] numbers; the accessor's number."""
        accessor = _accessor(values)
        accessor.bufferView = self.view(values, target)
        if bounds:
            rows = values.reshape(len(values), -1)
            accessor.min, accessor.max = rows.min(axis=0).tolist(), rows.max(axis=0).tolist()
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_sparse(self, values: np.ndarray, rows: np.ndarray) -> int:
        """Store vectors [N, 3] that are zero but in some rows; the accessor's number."""
        accessor = _accessor(values)
        accessor.min, accessor.max = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        accessor.sparse = gltf.Sparse(
            count=len(rows),
            indices=gltf.AccessorSparseIndices(
                bufferView=self.view(rows.astype(np.uint32)), componentType=gltf.UNSIGNED_INT
            ),
            values=gltf.AccessorSparseValues(bufferView=self.view(values[rows])),
        )
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def view(self, values: np.ndarray, target: int | None = None) -> int:
        """Store numbers as they are; the view's number."""
        content = np.ascontiguousarray(values).tobytes()
        self.views.append(gltf.BufferView(buffer=0, byteOffset=len(self.data), byteLength=len(content), target=target))
        self.data += content + bytes(-len(content) % 4)
        return len(self.views) - 1


def _accessor(values: np.ndarray) -> gltf.Accessor:
    kinds = {1: gltf.SCALAR, 2: gltf.VEC2, 3: gltf.VEC3, 4: gltf.VEC4, 16: gltf.MAT4}
    components = {"f4": gltf.FLOAT, "u4": gltf.UNSIGNED_INT, "u1": gltf.UNSIGNED_BYTE}
    return gltf.Accessor(
        componentType=components[values.dtype.str[1:]],
        count=len(values),
        type=kinds[int(np.prod(values.shape[1:]))],
    )


def glb(results: Path, clip_id: str, utterance_id: int, out: Path) -> None:
    """Write the motion of who speaks in an utterance, on the avatar.

    Raises:
        UserError: the results hold no such clip or utterance, or nothing is known of who speaks.
    """
    (motion,) = motions_of(find(results, clip_id), utterance_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_glb(out, motion, Anny(), {"clip_id": clip_id, "utterance_id": utterance_id})


def write_glb(path: Path, motion: Motion, figure: Anny, about: dict[str, object]) -> None:
    """Write a motion on the avatar.

    Args:
        path: .glb to write.
        motion: rotations and facial actions.
        figure: the avatar.
        about: what the motion is of, for `extras`.
    """
    blob = Blob()
    rest = figure.person.avatar.rest_joints.numpy()
    of_motion = {"speaker": motion.speaker, "first_frame": motion.span.first, "held_frames": held_frames(motion)}
    extras = {**about, **of_motion, "model": figure.caption, "frames_per_second": FPS}
    file = gltf.GLTF2(
        asset=gltf.Asset(version="2.0", generator="nonverbal", extras=extras),
        scene=0,
        scenes=[gltf.Scene(nodes=[0, len(JOINTS)])],
        nodes=[*_nodes(rest), gltf.Node(name="avatar", mesh=0, skin=0)],
        meshes=[_mesh(blob, figure)],
        materials=[_material()],
        skins=[_skin(blob, figure)],
        animations=[_animation(blob, motion)],
    )
    file.accessors, file.bufferViews = blob.accessors, blob.views
    file.buffers = [gltf.Buffer(byteLength=len(blob.data))]
    file.set_binary_blob(bytes(blob.data))
    file.save_binary(str(path))


def held_frames(motion: Motion) -> dict[str, list[list[int]]]:
    """Part -> first and last frame of each stretch in which it is not known, counted in the motion."""
    found = {}
    for part, known in motion.known.items():
        edges = np.flatnonzero(np.diff(np.concatenate([[False], ~known, [False]]).astype(np.int8)))
        if len(edges):
            found[part] = [[int(start), int(stop) - 1] for start, stop in edges.reshape(-1, 2)]
    return found


def _nodes(rest: np.ndarray) -> list[gltf.Node]:
    offsets = [rest[joint] - (rest[parent] if parent >= 0 else 0) for joint, parent in enumerate(PARENTS)]
    return [
        gltf.Node(name=name, translation=offsets[joint].tolist(), rotation=[0, 0, 0, 1], children=children(joint))
        for joint, name in enumerate(JOINTS)
    ]


def _mesh(blob: Blob, figure: Anny) -> gltf.Mesh:
    """What is drawn of the avatar, at rest."""
    person, avatar = figure.person, figure.person.avatar
    surface = person.surface(avatar.rest_vertices.numpy())
    joints, weights = _influences(person.sums, avatar.weights.numpy())
    attributes = gltf.Attributes(
        POSITION=blob.add(surface.vertices.astype(np.float32), gltf.ARRAY_BUFFER, bounds=True),
        NORMAL=blob.add(surface.normals.astype(np.float32), gltf.ARRAY_BUFFER),
        COLOR_0=blob.add(surface.mesh.colours.astype(np.float32) ** GAMMA, gltf.ARRAY_BUFFER),
        JOINTS_0=blob.add(joints, gltf.ARRAY_BUFFER),
        WEIGHTS_0=blob.add(weights, gltf.ARRAY_BUFFER),
    )
    indices = blob.add(surface.mesh.faces.astype(np.uint32).ravel(), gltf.ELEMENT_ARRAY_BUFFER)
    targets = []
    basis = avatar.action_basis.numpy()
    for offsets in (*basis, -basis[SIDE]):
        moved = (person.sums @ offsets).astype(np.float32)
        still = np.abs(moved).max(axis=1) <= STILL_M
        targets.append({"POSITION": blob.add_sparse(np.where(still[:, None], 0, moved), np.flatnonzero(~still))})
    primitive = gltf.Primitive(attributes=attributes, indices=indices, material=0, targets=targets)
    return gltf.Mesh(
        name="avatar", primitives=[primitive], weights=[0.0] * len(TARGETS), extras={"targetNames": list(TARGETS)}
    )


def _influences(sums: scipy.sparse.csr_array, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The strongest joints of each drawn vertex, uint8 [W, 4], and their weights, float32 [W, 4]."""
    drawn = sums @ weights
    drawn = drawn / drawn.sum(axis=1, keepdims=True)
    joints = np.argsort(-drawn, axis=1)[:, :INFLUENCES]
    strongest = np.take_along_axis(drawn, joints, axis=1)
    strongest = strongest / strongest.sum(axis=1, keepdims=True)
    return np.where(strongest > 0, joints, 0).astype(np.uint8), strongest.astype(np.float32)


def _material() -> gltf.Material:
    look = gltf.PbrMetallicRoughness(metallicFactor=0.0, roughnessFactor=0.8)
    return gltf.Material(name="avatar", pbrMetallicRoughness=look, doubleSided=True)


def _skin(blob: Blob, figure: Anny) -> gltf.Skin:
    """The rest mesh is in Anny's own pose: a joint's matrix takes it to the T-pose about that joint."""
    avatar = figure.person.avatar
    turn = avatar.to_t_pose.numpy()
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(JOINTS), 1, 1))
    inverse[:, :3, :3] = turn
    inverse[:, :3, 3] = -(turn @ avatar.joints.numpy()[..., None])[..., 0]
    matrices = blob.add(np.swapaxes(inverse, 1, 2).reshape(-1, 16))  # column by column
    return gltf.Skin(inverseBindMatrices=matrices, joints=list(range(len(JOINTS))), skeleton=0)


def _animation(blob: Blob, motion: Motion) -> gltf.Animation:
    frames = len(motion.span)
    times = blob.add((np.arange(frames) / FPS).astype(np.float32), bounds=True)
    rotations = quaternions(motion.joint_rotations())
    animation = gltf.Animation(name="utterance")
    for joint in range(len(JOINTS)):
        _channel(animation, times, blob.add(rotations[:, joint]), joint, "rotation")
    _channel(animation, times, blob.add(target_weights(motion.actions).ravel()), len(JOINTS), "weights")
    return animation


def _channel(animation: gltf.Animation, times: int, values: int, node: int, path: str) -> None:
    animation.samplers.append(gltf.AnimationSampler(input=times, output=values, interpolation="LINEAR"))
    target = gltf.AnimationChannelTarget(node=node, path=path)
    animation.channels.append(gltf.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))


def target_weights(actions: np.ndarray) -> np.ndarray:
    """Weights of TARGETS, float32 [T, 52] from 0 on, for facial actions [T, 51]."""
    return np.concatenate([actions, -actions[:, SIDE, None]], axis=1).clip(0).astype(np.float32)


def quaternions(rotations: np.ndarray) -> np.ndarray:
    """Unit quaternions x, y, z, w [T, 52, 4] of axis-angles [T, 52, 3], each on the side of the one before it."""
    values = Rotation.from_rotvec(rotations.reshape(-1, 3)).as_quat().reshape(*rotations.shape[:2], 4)
    turned = np.sum(values[1:] * values[:-1], axis=-1) < 0
    signs = np.cumprod(np.where(turned, -1, 1), axis=0)
    values[1:] *= signs[..., None]
    return values.astype(np.float32)
