"""A skeleton's motion as BVH: 52 joints in SMPL-X's tree, 25 frames a second, centimetres.

A joint's three angles are given in degrees in the order Z, X, Y; its rotation is Rz Rx Ry. The rest pose, which the
offsets describe, is the T-pose. What is not known is held (see `motion`); the format has no place to say where.
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nonverbal.avatar.model import Avatar
from nonverbal.avatar.skeleton import JOINTS, PARENTS
from nonverbal.layouts import FPS
from nonverbal.views.found import find
from nonverbal.views.motion import Motion, motions_of

CM = 100  # a metre
ORDER = "ZXY"
HEAD_TOP_M = (0.0, 0.2, 0.0)  # from the head's joint
PRECISION = 6  # decimals


def bvh(results: Path, clip_id: str, utterance_id: int, out: Path) -> None:
    """Write the motion of who speaks in an utterance, on the avatar's skeleton.

    Raises:
        UserError: the results hold no such clip or utterance, or nothing is known of who speaks.
    """
    (motion,) = motions_of(find(results, clip_id), utterance_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bvh(out, motion, Avatar().rest_joints.numpy())


def write_bvh(path: Path, motion: Motion, rest: np.ndarray) -> None:
    """Write a motion on a skeleton.

    Args:
        path: .bvh to write.
        motion: rotations.
        rest: joint positions in the T-pose, [52, 3] metres.
    """
    lines = ["HIERARCHY", *_joint(0, rest, 0), "MOTION", f"Frames: {len(motion.span)}", f"Frame Time: {1 / FPS}"]
    angles = euler_angles(motion.joint_rotations())
    channels = np.concatenate(
        [np.tile(rest[0] * CM, (len(angles), 1)), angles[:, depth_first()].reshape(len(angles), -1)], axis=1
    )
    lines += [" ".join(f"{value:.{PRECISION}f}" for value in row) for row in channels]
    path.write_text("\n".join(lines) + "\n")


def euler_angles(rotations: np.ndarray) -> np.ndarray:
    """Angles in the order of ORDER [T, 52, 3] degrees of axis-angles of that shape, without jumps by whole turns."""
    angles = Rotation.from_rotvec(rotations.reshape(-1, 3)).as_euler(ORDER).reshape(rotations.shape)
    return np.degrees(np.unwrap(angles, axis=0))


def children(joint: int) -> list[int]:
    """The joints that hang on a joint."""
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def depth_first(joint: int = 0) -> list[int]:
    """A joint and all below it, in the order of the file."""
    return [joint, *(below for child in children(joint) for below in depth_first(child))]


def _joint(joint: int, rest: np.ndarray, depth: int) -> list[str]:
    parent, indent = PARENTS[joint], "  " * depth
    place = rest[joint] if parent < 0 else rest[joint] - rest[parent]
    rotations = " ".join(f"{axis}rotation" for axis in ORDER)
    channels = f"6 Xposition Yposition Zposition {rotations}" if parent < 0 else f"3 {rotations}"
    lines = [f"{indent}{'ROOT' if parent < 0 else 'JOINT'} {JOINTS[joint]}", f"{indent}{{"]
    lines += [f"{indent}  OFFSET {_numbers(place)}", f"{indent}  CHANNELS {channels}"]
    for child in children(joint):
        lines += _joint(child, rest, depth + 1)
    if not children(joint):
        end = np.array(HEAD_TOP_M) if JOINTS[joint] == "head" else place  # as long as the bone before
        lines += [f"{indent}  End Site", f"{indent}  {{", f"{indent}    OFFSET {_numbers(end)}", f"{indent}  }}"]
    return [*lines, f"{indent}}}"]


def _numbers(metres: np.ndarray) -> str:
    return " ".join(f"{value:.{PRECISION}f}" for value in metres * CM)
