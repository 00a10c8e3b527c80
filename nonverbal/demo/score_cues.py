"""How near facial actions, joint angles and joint positions are to those that were drawn, and what is called valid."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from nonverbal.demo.score import Score, mean
from nonverbal.demo.true_cues import LEAST_LIMB, TrueCues
from nonverbal.layouts import HAND_JOINTS, JOINTS, OPEN_FACE, SMPLX_BODY, SMPLX_JOINTS

STILL = 1e-6  # standard deviation up to which a number is constant
MOVES = 0.05  # standard deviation from which a facial action is a main one
JAW = "jawOpen"
FOLLOWED = (JAW, "mouthSmile", "browDown", "browInnerUp", "browOuterUp")  # must correlate well
GOAL_R, GOAL_FALSE = 0.8, 0.02
GOAL_DEGREES = {
    **{f"{side} {joint}": 12.0 for side in ("left", "right") for joint in ("shoulder", "elbow")}, "head": 8.0
}  # fmt: skip
ALL = "all facial actions"
CM = 100  # a metre
CONDITIONS = "cues by condition"
TURNS = ((0, 15), (15, 30), (30, 45))  # degrees
CLEAR = 0.8  # share of the face that must be seen for it not to count as covered


def face_scores(cues: TrueCues) -> Iterator[Score]:
    """Mean absolute error and correlation of the actions; the error's baseline is the truth's own mean.

    Actions of a left and a right side are averaged; those that hardly move in the truth count in the whole alone, and
    those that the backend leaves unknown count nowhere.
    """
    valid = cues.valid
    found = found_actions(valid)
    errors, spread = np.abs(found - valid.truth), deviation(valid.truth)
    for name, columns in {ALL: list(range(valid.truth.shape[1])), **main_actions(valid.truth)}.items():
        seen = np.isfinite(errors[:, columns])
        error, rest = (mean(values[:, columns][seen]) for values in (errors, spread))
        frames = int(seen.any(axis=1).sum())
        yield Score("cues", f"{name}: mean absolute error", error, rest, "less", np.nan, "activation", frames)
        if name != ALL:
            r = mean([correlation(valid.truth[:, column], found[:, column]) for column in columns])
            goal = GOAL_R if name in FOLLOWED else np.nan
            yield Score("cues", f"{name}: correlation", r, 0.0, "more", goal, "r", frames)
    jaw, angles = OPEN_FACE.labels.index(JAW), np.degrees(valid.jaw_angles())
    error, rest = ((values[:, jaw] * angles) for values in (errors, spread))
    seen = np.isfinite(error)
    yield Score(
        "cues", "jaw: mean angle", mean(error[seen]), mean(rest[seen]), "less", np.nan, "degrees", int(seen.sum())
    )


def found_actions(cues: TrueCues) -> np.ndarray:
    """Facial actions then jaw that were found, [n, 51], NaN where unknown."""
    return np.where(np.isfinite(cues.found[:, OPEN_FACE.index]), cues.found[:, OPEN_FACE.index], np.nan)


def deviation(truth: np.ndarray) -> np.ndarray:
    """How far numbers [n, m] are from their means."""
    return np.abs(truth - truth.mean(axis=0)) if len(truth) else np.abs(truth)


def main_actions(truth: np.ndarray) -> dict[str, list[int]]:
    """Actions that move in the truth [n, 51], by name without the side -> columns."""
    names: dict[str, list[int]] = {}
    for column, label in enumerate(OPEN_FACE.labels):
        if len(truth) and truth[:, column].std() >= MOVES:
            names.setdefault(re.sub("(Left|Right)$", "", label), []).append(column)
    return names


def correlation(truth: np.ndarray, found: np.ndarray) -> float:
    """Pearson's r [n], [n] where found is known; 0 where one of them never moves, NaN where nothing is known."""
    known = np.isfinite(found)
    if not known.any():
        return np.nan
    moves = min(found[known].std(), truth[known].std()) > STILL
    return float(np.corrcoef(truth[known], found[known])[0, 1]) if moves else 0.0


def body_scores(cues: TrueCues) -> Iterator[Score]:
    """Mean angle between true and found rotation of each joint, and the same from each one's own mean rotation.

    The second tells motion from a constant offset of the skeletons; the baseline of both is the truth's mean rotation.
    The fifteen joints of a hand are one line. Frames in which a joint is unknown do not count for it.
    """
    valid = cues.valid
    first, stop = (column // 3 for column in SMPLX_BODY.groups["upper_body"])
    joints = {SMPLX_JOINTS[joint - 1].replace("_", " "): [joint] for joint in range(first, stop)} | hands()
    for name, numbers in joints.items():
        parts = [angles(*valid.joint(joint)) for joint in numbers]
        error, moved, rest = (mean(np.concatenate([part[i] for part in parts])) for i in range(3))
        frames, goal = len(parts[0][0]), GOAL_DEGREES.get(name, np.nan)
        yield Score("cues", f"{name}: mean angle", error, rest, "less", goal, "degrees", frames)
        yield Score("cues", f"{name}: mean angle, offset removed", moved, rest, "less", np.nan, "degrees", frames)


def hands() -> dict[str, list[int]]:
    """Name of each hand -> its joints."""
    first = {f"{side} hand, {len(HAND_JOINTS)} joints": JOINTS.index(f"{side}_index1") for side in ("left", "right")}
    return {name: list(range(start, start + len(HAND_JOINTS))) for name, start in first.items()}


def position_scores(cues: TrueCues) -> Iterator[Score]:
    """Mean distance in space between true and found joints, both on the person's own skeleton, relative to the chest.

    The baseline is the truth's mean position.
    """
    truth, found = cues.valid.positions()
    for name, joints in arm_joints().items():
        error, rest, frames = distances(truth[:, joints], found[:, joints])
        yield Score("cues", f"{name}: mean distance", mean(error), mean(rest), "less", np.nan, "cm", frames)


def arm_joints() -> dict[str, list[int]]:
    """Name of each elbow, wrist and hand -> its joints."""
    ends = [f"{side}_{joint}" for side in ("left", "right") for joint in ("elbow", "wrist")]
    return {name.replace("_", " "): [JOINTS.index(name)] for name in ends} | hands()


def distances(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Centimetres from true to found joints [n, J, 3] where both are known, from true to their mean, and the frames."""
    known = np.isfinite(found).all(axis=2) & np.isfinite(truth).all(axis=2)
    counted = np.where(known[..., None], truth, 0)
    centre = counted.sum(axis=0) / np.maximum(known.sum(axis=0), 1)[:, None]
    error, rest = (CM * np.linalg.norm(truth - other, axis=2)[known] for other in (found, centre))
    return error, rest, int(known.any(axis=1).sum())


def angles(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degrees where found [n, 3] is known: true to found; the same, each from its mean; true to the truth's mean."""
    known = np.isfinite(found).all(axis=1)
    if not known.any():
        return np.empty(0), np.empty(0), np.empty(0)
    true, made = (Rotation.from_rotvec(values[known].astype(float)) for values in (truth, found))
    true_moved, made_moved = true.mean().inv() * true, made.mean().inv() * made
    apart = (true.inv() * made, true_moved.inv() * made_moved, true_moved)
    return tuple(np.degrees(rotation.magnitude()) for rotation in apart)  # type: ignore[return-value]


def valid_scores(face: TrueCues, body: TrueCues) -> Iterator[Score]:
    """What is called known of faces, arms and hands: of all frames, of those that show it, and wrongly.

    The baseline of the last calls everything known.
    """
    for name, part in [("face", face.face()), *body.limbs()]:
        could = np.isfinite(part.could)
        yield Score(
            "cues", f"{name}: called valid", mean(part.called), np.nan, "more", np.nan, "share", len(part.called)
        )
        shown = part.called[part.could == 1]
        yield Score(
            "cues", f"{name}: called valid where it shows", mean(shown), np.nan, "more", np.nan, "share", len(shown)
        )
        false, rest = 1 - part.could[could & part.called], mean(1 - part.could[could])
        yield Score("cues", f"{name}: falsely called valid", mean(false), rest, "less", GOAL_FALSE, "share", len(false))


def condition_scores(face: TrueCues, body: TrueCues) -> Iterator[Score]:
    """The main errors again by condition: how far the head is turned, face covered or not, hand in view or not."""
    for condition, chosen in head_conditions(face).items():
        yield from _face_under(condition, face.where(chosen))
    for condition, chosen in head_conditions(body).items():
        yield from _joints_under({"head": JOINTS.index("head")}, condition, body.where(chosen).valid)
    for side in ("left", "right"):
        share = body.rows[f"{side}_hand_seen"]
        joints = {f"{side} {joint}": JOINTS.index(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist")}
        for condition, chosen in {"hand in view": share >= LEAST_LIMB, "hand out of view": share < LEAST_LIMB}.items():
            yield from _joints_under(joints, condition, body.where(chosen).valid)


def head_conditions(cues: TrueCues) -> dict[str, pd.Series]:
    """Masks over the rows: how far a head of which the face is clear is turned from the camera, or that it is not."""
    turn, clear = cues.rows["head_turn"], cues.rows["face_seen"] >= CLEAR
    masks = {f"head turned {low} to {high} degrees": clear & (turn >= low) & (turn < high) for low, high in TURNS}
    last = TURNS[-1][1]
    return masks | {
        f"head turned over {last} degrees": clear & (turn >= last),
        "face covered": cues.rows["face_seen"] < CLEAR,
    }


def _face_under(condition: str, cues: TrueCues) -> Iterator[Score]:
    called, valid = cues.rows["valid"], cues.valid
    if len(called):
        share = mean(called)
        yield Score(CONDITIONS, f"face called valid, {condition}", share, np.nan, "more", np.nan, "share", len(called))
    if len(valid.rows):
        found = found_actions(valid)
        error = np.abs(found - valid.truth)
        seen, jaw, frames = np.isfinite(error), OPEN_FACE.labels.index(JAW), len(valid.rows)
        value, rest = mean(error[seen]), mean(deviation(valid.truth)[seen])
        yield Score(CONDITIONS, f"{ALL}, {condition}", value, rest, "less", np.nan, "activation", frames)
        r = correlation(valid.truth[:, jaw], found[:, jaw])
        yield Score(CONDITIONS, f"{JAW}: correlation, {condition}", r, 0.0, "more", np.nan, "r", frames)


def _joints_under(joints: dict[str, int], condition: str, cues: TrueCues) -> Iterator[Score]:
    for name, joint in joints.items():
        error, _, rest = map(np.asarray, angles(*cues.joint(joint)))
        if len(error):
            metric = f"{name}: mean angle, {condition}"
            yield Score(
                CONDITIONS,
                metric,
                mean(error),
                mean(rest),
                "less",
                GOAL_DEGREES.get(name, np.nan),
                "degrees",
                len(error),
            )
