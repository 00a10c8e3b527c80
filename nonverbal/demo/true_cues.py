"""Face and body cues of the demonstration beside what is true of who says the utterance, and of what could be seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from nonverbal.demo.known import BOX, Known
from nonverbal.demo.truth_files import SIDED, Body
from nonverbal.layouts import JOINTS, PARENTS, SMPLX_BODY
from nonverbal.schema import read_table

KEYS = ["clip_id", "utterance_id", "frame"]
TRUE = {"face": "actions", "body": "body"}
SEEN = ["head_turn", *(f"{part}_seen" for part in ("face", *SIDED))]
AWAY_DEG = 75  # a face turned farther from the camera cannot be read
LEAST_FACE, LEAST_LIMB = 0.4, 0.5  # shares that must be seen for a face, a forearm, a hand to be read
TRUNK = ("root", "spine1", "spine2", "spine3")  # that positions are relative to


class Part(NamedTuple):
    """A part of a person: whether each frame calls it known, bool [n], and could (1, 0; NaN: nobody knows)."""

    called: np.ndarray
    could: np.ndarray


@dataclass(frozen=True)
class TrueCues:
    """Cues and truth, a row a crop.

    Attributes:
        rows: KEYS, said_by, shows (whose face is in the box, -1: no one's), valid, SEEN.
        truth: actions [n, 51] or body features [n, 179].
        found: features [n, F], NaN where unknown.
        known: the demonstration.
    """

    rows: pd.DataFrame
    truth: np.ndarray
    found: np.ndarray
    known: Known

    def where(self, chosen: np.ndarray | pd.Series) -> "TrueCues":
        """Some of the rows."""
        mask = np.asarray(chosen, bool)
        return TrueCues(self.rows[mask].reset_index(drop=True), self.truth[mask], self.found[mask], self.known)

    @cached_property
    def valid(self) -> "TrueCues":
        """The rows that are called valid."""
        return self.where(self.rows["valid"])

    def joint(self, joint: int) -> tuple[np.ndarray, np.ndarray]:
        """True and found rotation of a joint of the body, [n, 3] each."""
        return self.truth[:, 3 * joint : 3 * joint + 3], self.found[:, 3 * joint : 3 * joint + 3]

    def face(self) -> Part:
        """A face can be read that is not turned away, mostly shown, and not another person's."""
        rows = self.rows
        other = (rows["shows"] >= 0) & (rows["shows"] != rows["said_by"])
        could = (rows["head_turn"] <= AWAY_DEG) & (rows["face_seen"] >= LEAST_FACE) & ~other
        return Part(rows["valid"].to_numpy(), could.where(rows["face_seen"].notna()).to_numpy(float))

    def limbs(self) -> Iterator[tuple[str, Part]]:
        """Arms and hands by name; an arm is called known where its elbow is, a hand where any of its joints is."""
        for side in ("left", "right"):
            elbow, hand = 3 * JOINTS.index(f"{side}_elbow"), SMPLX_BODY.groups[f"{side}_hand"]
            for name, columns, seen in (
                ("arm", (elbow, elbow + 3), "forearm_seen"),
                ("hand", hand, "hand_seen"),
            ):
                share = self.rows[f"{side}_{seen}"]
                called = np.isfinite(self.found[:, slice(*columns)]).any(axis=1)
                yield f"{side} {name}", Part(called, (share >= LEAST_LIMB).where(share.notna()).to_numpy(float))

    def jaw_angles(self) -> np.ndarray:
        """Radians that jawOpen turns each row's jaw by at full strength, [n]; NaN where the truth does not say."""
        angles = np.full(len(self.rows), np.nan)
        for rows, body in self.people():
            angles[rows] = body.jaw_angle
        return angles

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """True and found position of each joint relative to the chest, on the person's own skeleton, [n, 52, 3] metres.

        NaN where a rotation on the way from the shoulder is unknown; collars that are never known stay at rest.
        """
        out = np.full((2, len(self.rows), len(JOINTS), 3), np.nan)
        for rows, body in self.people():
            for side, features in enumerate((self.truth, self.found)):
                out[side, rows] = joint_positions(features[rows], np.array(body.joints))
        return out[0], out[1]

    def people(self) -> Iterator[tuple[np.ndarray, Body]]:
        """Rows of each person of each video, and how that person is built."""
        videos = self.rows["clip_id"].map({clip_id: clip.video for clip_id, clip in self.known.clips.items()})
        for video, truth in self.known.truths.items():
            for person, body in enumerate(truth.bodies):
                rows = np.flatnonzero((videos == video) & (self.rows["said_by"] == person))
                if len(rows):
                    yield rows, body


def joint_positions(features: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Joints relative to the chest, [n, 52, 3] metres, for body features [n, 179] and joints at rest [52, 3].

    Not `avatar.skeleton.forward_kinematics`: this one knows what is unknown, and needs no torch where tables are made.
    """
    vectors = features[:, : 3 * len(JOINTS)].reshape(-1, len(JOINTS), 3)
    known = np.isfinite(vectors).all(axis=2)
    rotations = [Rotation.from_rotvec(np.nan_to_num(vectors[:, joint])) for joint in range(len(JOINTS))]
    still = [joint in TRUNK or joint.endswith("collar") for joint in JOINTS]
    world, places = [Rotation.identity(len(features))], [np.zeros((len(features), 3))]
    sure = [np.ones(len(features), bool)]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        world.append(world[parent] if JOINTS[joint] in TRUNK else world[parent] * rotations[joint])
        places.append(places[parent] + world[parent].apply(rest[joint] - rest[parent]))
        sure.append(sure[parent] & (known[:, parent] | still[parent]))
    out = np.stack(places, axis=1) - places[JOINTS.index("spine3")][:, None]
    out[~np.stack(sure, axis=1)] = np.nan
    return out


def true_cues(known: Known, utterances: list[Path], crops: list[Path], cues: list[Path], name: str) -> TrueCues:
    """Table `name` (face or body) beside the truth, clips of good videos alone."""
    boxes = read_table(crops, "crops")[[*KEYS, *BOX]]
    table = read_table(cues, name).merge(known.speakers(read_table(utterances, "utterances")), on=KEYS[:2])
    table = table.merge(boxes, on=KEYS)
    table["shows"] = known.whose_face(table)
    frames = known.frames[["clip_id", "frame", "person", *SEEN, TRUE[name]]].rename(columns={"person": "said_by"})
    both = table.merge(frames, on=["clip_id", "frame", "said_by"])
    widths = len(known.frames[TRUE[name]].iloc[0]), len(table["features"].iloc[0]) if len(table) else 0
    truth, found = (
        np.stack(both[key].to_list()) if len(both) else np.empty((0, width))
        for key, width in zip((TRUE[name], "features"), widths, strict=True)
    )
    return TrueCues(both[[*KEYS, "said_by", "shows", "valid", *SEEN]], truth, found, known)
