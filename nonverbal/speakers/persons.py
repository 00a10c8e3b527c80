"""Which tracks show one person, and which person is which speaker."""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from nonverbal.layouts import FPS


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
    """The person of each track of a clip, int [tracks]: the most alike tracks are joined first.

    Two tracks that share a frame are never one person, nor are those they were joined to: this keeps apart two
    persons who look alike, as long as a wide shot shows both.

    Args:
        tracks: table `tracks` of one clip, track_id numbered from 0.
        least_likeness: cosine of two persons' mean descriptors below which they are never joined.
    """
    if tracks.empty:
        return np.zeros(0, dtype=int)
    apart = seen_together(tracks, "track_id")
    seen = tracks.dropna(subset="descriptor")
    described, track = np.stack(seen["descriptor"].tolist()), seen["track_id"].to_numpy()
    sums = np.stack([described[track == i].sum(axis=0) for i in range(len(apart))])
    members = [[i] for i in range(len(sums))]
    while len(members) > 1:
        unit = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        likeness = np.where(apart | np.eye(len(members), dtype=bool), -np.inf, unit @ unit.T)
        i, j = sorted(divmod(int(likeness.argmax()), len(members)))
        if likeness[i, j] < least_likeness:
            break
        members[i] += members.pop(j)
        sums[i] += sums[j]
        apart[i] |= apart[j]
        apart[:, i] |= apart[:, j]
        sums, apart = np.delete(sums, j, axis=0), np.delete(np.delete(apart, j, axis=0), j, axis=1)
    of_track = {track: person for person, group in enumerate(members) for track in group}
    return np.array([of_track[track] for track in sorted(of_track)])


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
