"""What was measured on rendered strangers (`body_instrument`): how their bodies are seen, and what a fit gets wrong.

A fit leans to its prior, the more so the less is seen. Each joint's rotation is read again as the strangers' mean true
rotation, turned by a linear map of how far all that was found is from the strangers' mean.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nonverbal.cues.body_fit import Sight
from nonverbal.cues.pose import SIDES
from nonverbal.layouts import JOINTS, SMPLX_BODY

INSTRUMENT = Path(__file__).resolve().parents[2] / "resources" / "body_instrument.npz"
BODY = ("root", "head", *(f"{side}_{joint}" for side in SIDES for joint in ("shoulder", "elbow", "wrist")))
NUMBERS = [JOINTS.index(joint) for joint in BODY]


@dataclass(frozen=True)
class Instrument:
    """How bodies are seen, and how the fit answers, for the J joints of BODY; rotation vectors, radians.

    Args:
        sight: what the fit needs.
        found: mean rotation found on strangers, [J, 3].
        true: mean true rotation where the joint was found, [J, 3].
        gain: from all joints' deviations as found to each one's true deviation, [3 J, 3 J].
        made: what it was made with.
    """

    sight: Sight
    found: np.ndarray
    true: np.ndarray
    gain: np.ndarray
    made: dict[str, object]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Body features [N, 179] corrected. A joint not found stays NaN; to the others it counts as the mean."""
        out, rotations = features.copy(), joint_rotations(features)
        known = np.isfinite(rotations).all(axis=2)
        turned = (np.nan_to_num(deviations(rotations, self.found)).reshape(len(out), -1) @ self.gain).reshape(
            rotations.shape
        )
        for i, joint in enumerate(NUMBERS):
            corrected = Rotation.from_rotvec(self.true[i]) * Rotation.from_rotvec(turned[known[:, i], i])
            out[known[:, i], 3 * joint : 3 * joint + 3] = corrected.as_rotvec()
        return out

    def save(self, path: Path) -> None:
        """Write as a compressed NumPy archive, single precision."""
        arrays = {name: getattr(self, name) for name in ("found", "true", "gain")}
        arrays |= {f"sight_{name}": array for name, array in self.sight._asdict().items()}
        small = {name: array.astype(np.float32) for name, array in arrays.items()}
        np.savez_compressed(path, **small, made=json.dumps(self.made, sort_keys=True))


def load_instrument(path: Path = INSTRUMENT) -> Instrument:
    """Read what `Instrument.save` wrote; by default the instrument that comes with the project."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name].astype(np.float64) for name in archive.files if name != "made"}
        sight = Sight(*(arrays[f"sight_{name}"] for name in Sight._fields))
        return Instrument(sight, arrays["found"], arrays["true"], arrays["gain"], json.loads(str(archive["made"])))


def joint_rotations(features: np.ndarray) -> np.ndarray:
    """Rotation vectors [N, J, 3] of the joints of BODY in body features [N, 179]."""
    stop = SMPLX_BODY.groups["right_hand"][1]
    return features[:, :stop].astype(np.float64).reshape(len(features), -1, 3)[:, NUMBERS]


def deviations(rotations: np.ndarray, means: np.ndarray) -> np.ndarray:
    """How far rotations [N, J, 3] are turned from the joints' means [J, 3], [N, J, 3]; NaN stays NaN."""
    out, known = np.full(rotations.shape, np.nan), np.isfinite(rotations).all(axis=2)
    for i, mean in enumerate(means):
        rows = known[:, i]
        out[rows, i] = (Rotation.from_rotvec(mean).inv() * Rotation.from_rotvec(rotations[rows, i])).as_rotvec()
    return out
