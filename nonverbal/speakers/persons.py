"""Which tracks show one person, and which person is which speaker."""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from nonverbal.layouts import FPS
from nonverbal.speakers.boxes import overlaps

FACE = ["face_x0", "face_y0", "face_x1", "face_y1"]
SAME_PLACE = 0.3  # overlap of the median face boxes of two tracks before one camera
OPPOSITE = 0.4  # difference of `facing` from which two faces look different ways
CLEARLY = 0.02  # of cosine, that the likeness to a rival must be less


def seen_together(rows: pd.DataFrame, label: str) -> np.ndarray:
    """Whether two labels (numbered from 0) share a frame, bool [n, n]; the diagonal is false.

    Args:
        rows: columns `frame` and `label`.
        label: name of the column that numbers tracks or persons.
    """
    count = int(rows[label].max()) + 1 if len(rows) else 0
    together = np.zeros((count, count), dtype=bool)
    pairs = rows[["frame", label]].merge(rows[["frame", label]], on="frame")
    together[pairs[f"{label}_x"], pairs[f"{label}_y"]] = True
    np.fill_diagonal(together, False)
    return together


def persons(tracks: pd.DataFrame, least_likeness: float) -> np.ndarray:
    """The person of each track of a clip, int [tracks]: what cannot be told apart from another person is not joined.

    First tracks at one place before one camera are joined, if they look alike. Then the most alike of these are, unless
    there is a rival: one that looks as much like the one and cannot be the other, for both were seen in one frame.
    Where looks tell nobody apart (no frame shows two persons, or those in it are alike), two that face opposite ways
    are two. So persons dressed alike stay apart; their speech says later who is who.

    Args:
        tracks: table `tracks` of one clip, track_id numbered from 0.
        least_likeness: cosine of two persons' mean descriptors below which they are never joined.
    """
    if tracks.empty:
        return np.zeros(0, dtype=int)
    by_track = tracks.groupby("track_id")
    looks = np.stack(tracks.dropna(subset="descriptor").groupby("track_id")["descriptor"].sum().tolist())
    together, camera = seen_together(tracks, "track_id"), by_track["camera"].first().to_numpy()
    places = overlaps(*[by_track[FACE].median().to_numpy()] * 2)
    one_seat = (camera[:, None] == camera) & (places >= SAME_PLACE)
    seat = joined(looks, together | ~one_seat, least_likeness)
    looks = np.stack([looks[seat == i].sum(axis=0) for i in range(seat.max() + 1)])
    rows = tracks[["frame", "facing"]].assign(seat=seat[tracks["track_id"]])
    apart, alike = seen_together(rows, "seat"), _cosines(looks)
    if not apart.any() or (alike[apart] >= least_likeness).any():
        facing = rows.groupby("seat")["facing"].median().fillna(0).to_numpy()
        apart |= np.abs(facing[:, None] - facing) > OPPOSITE
    return joined(looks, apart | _rivalled(alike, apart), least_likeness)[seat]


def joined(looks: np.ndarray, apart: np.ndarray, least_likeness: float) -> np.ndarray:
    """Group of each row of looks [n, d], numbered by first row: the most alike first; groups that are apart never.

    Args:
        looks: sums of descriptors.
        apart: bool [n, n]; what is true of two rows is true of the groups they are in.
        least_likeness: cosine of the groups' sums.
    """
    sums, apart = looks.copy(), apart.copy()
    members = [[i] for i in range(len(sums))]
    while len(members) > 1:
        alike = np.where(apart | np.eye(len(members), dtype=bool), -np.inf, _cosines(sums))
        i, j = sorted(divmod(int(alike.argmax()), len(members)))
        if alike[i, j] < least_likeness:
            break
        members[i] += members.pop(j)
        sums[i] += sums[j]
        apart[i] |= apart[j]
        apart[:, i] |= apart[:, j]
        sums, apart = np.delete(sums, j, axis=0), np.delete(np.delete(apart, j, axis=0), j, axis=1)
    group = np.empty(len(looks), dtype=int)
    for number, rows in enumerate(members):
        group[rows] = number
    return group


def _cosines(looks: np.ndarray) -> np.ndarray:
    unit = looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
    return unit @ unit.T


def _rivalled(alike: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Whether, of i and j, one is nearly as much like some k that cannot be the other: bool [n, n]."""
    rival = np.where(apart[:, None, :], alike[None, :, :], -np.inf).max(axis=2).T  # of [i, j]: like i, apart from j
    return np.maximum(rival, rival.T) > alike - CLEARLY


def activity(turns: pd.DataFrame, frames: int) -> np.ndarray:
    """Whether each speaker talks in each frame, bool [frames, speakers]; speakers in order of their numbers.

    Args:
        turns: columns speaker, start_s, end_s: table `turns` or `utterances` of one clip.
        frames: in the clip.
    """
    speakers = np.unique(turns["speaker"])
    middle = (np.arange(frames)[:, None] + 0.5) / FPS
    talks = (turns["start_s"].to_numpy() <= middle) & (middle < turns["end_s"].to_numpy())
    return np.stack([talks[:, turns["speaker"] == k].any(axis=1) for k in speakers], axis=1) if len(speakers) else talks


def speaker_of_persons(rows: pd.DataFrame, moving: str, speech: np.ndarray) -> np.ndarray:
    """Which column of `speech` each person is, int [persons], -1 for none.

    Frames in which one speaker talks alone count: how the person's face moves then, for that speaker and against the
    others.

    Args:
        rows: columns frame, person and `moving`: above 0 when the face seems to speak, below when not, NaN unknown.
        moving: name of that column.
        speech: bool [frames, speakers].
    """
    alone = speech & (speech.sum(axis=1, keepdims=True) == 1)
    towards = alone.astype(float) - (alone.any(axis=1, keepdims=True) & ~alone)
    apart = seen_together(rows, "person")
    evidence = np.zeros((len(apart), speech.shape[1]))
    weights = rows[moving].fillna(0.0).to_numpy()[:, None] * towards[rows["frame"].to_numpy()]
    np.add.at(evidence, rows["person"].to_numpy(), weights)
    return assign(evidence, apart)


def assign(evidence: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The speaker of each person, int [persons], -1 for none.

    First each speaker gets one person so that the evidence is greatest; then what is left of a speaker's person (tracks
    that were not recognised as one) goes to the speaker it speaks for, unless both were seen in one frame.

    Args:
        evidence: [persons, speakers], above 0 when the person seems to speak as the speaker does.
        apart: bool [persons, persons], seen in one frame.
    """
    speaker = np.full(len(evidence), -1)
    if not evidence.size:
        return speaker
    for person, k in zip(*linear_sum_assignment(np.maximum(evidence, 0), maximize=True), strict=True):
        if evidence[person, k] > 0:
            speaker[person] = k
    for person in np.argsort(-evidence.max(axis=1), kind="stable"):
        if speaker[person] >= 0:
            continue
        for k in np.argsort(-evidence[person], kind="stable"):
            if evidence[person, k] > 0 and not (apart[person] & (speaker == k)).any():
                speaker[person] = k
                break
    return speaker
