"""How many people speak, and which piece of speech is whose: bottom-up merging on two kinds of evidence."""

from dataclasses import dataclass

import numpy as np

from nonverbal.speech.settings import SameVoice

NEVER = -np.inf


@dataclass
class Evidence:
    """What is known of groups of speech pieces; every group starts as one piece.

    Attributes:
        voices: [groups, 256], sum of the members' unit vectors, each times its seconds.
        seconds: [groups], of speech.
        shared: [groups, groups], number of (window, pair) that hear both.
        same: [groups, groups], how many of these give both to one local speaker.
    """

    voices: np.ndarray
    seconds: np.ndarray
    shared: np.ndarray
    same: np.ndarray

    def pool(self, groups: np.ndarray) -> "Evidence":
        """The evidence of other groupings: `groups` [new groups, groups] is 1 where a group is a member."""
        tables = [groups @ table @ groups.T for table in (self.shared, self.same)]
        return Evidence(groups @ self.voices, groups @ self.seconds, *tables)

    def merge(self, into: int, other: int) -> None:
        """Let group `into` take up group `other`."""
        self.voices[into] += self.voices[other]
        self.seconds[into] += self.seconds[other]
        for table in (self.shared, self.same):
            table[into] += table[other]
            table[:, into] = table[into]

    def affinity(self, group: int, others: np.ndarray, settings: SameVoice) -> np.ndarray:
        """Above 0 where a group and others are one speaker, [others].

        Voices must be more alike the more speech there is to compare; windows that hear two local speakers where
        one is proposed count against it. (That they hear one proves little: two voices of one sex often sound so.)
        """
        norms = np.linalg.norm(self.voices[others], axis=1) * np.linalg.norm(self.voices[group])
        cosine = self.voices[others] @ self.voices[group] / np.maximum(norms, 1e-9)
        least = np.minimum(self.seconds[others], self.seconds[group])
        wanted = settings.cosine - settings.allowance * np.exp(-least / settings.allowance_s)
        shared = self.shared[group, others]
        apart = np.where(shared > 0, 1 - self.same[group, others] / np.maximum(shared, 1e-9), 0.0)
        return cosine - wanted - settings.apart * apart


def merge_groups(evidence: Evidence, settings: SameVoice) -> list[list[int]]:
    """Merge the two most alike groups until no two are one speaker; the rows of each group, ascending."""
    count = len(evidence.seconds)
    members = {group: [group] for group in range(count)}
    table = np.array([evidence.affinity(group, np.arange(count), settings) for group in range(count)])
    np.fill_diagonal(table, NEVER)
    while len(members) > 1:
        into, other = np.unravel_index(int(np.argmax(table)), table.shape)
        if table[into, other] < 0:
            break
        evidence.merge(int(into), int(other))
        members[int(into)] += members.pop(int(other))
        table[other], table[:, other] = NEVER, NEVER
        rest = np.array([group for group in members if group != into], dtype=int)
        table[into, rest] = table[rest, into] = evidence.affinity(int(into), rest, settings)
    return [sorted(rows) for rows in members.values()]


def cluster(evidence: Evidence, anchor_s: float, least_speaker_s: float, settings: SameVoice) -> np.ndarray:
    """The speaker of each piece.

    Pieces of at least `anchor_s` are merged into speakers; speakers of less than `least_speaker_s` are dissolved
    (the longest is kept when all are so short); every other piece joins the speaker it is most like.

    Returns:
        [pieces], numbered in order of first piece.
    """
    anchors = np.flatnonzero(evidence.seconds >= anchor_s)
    if not len(anchors):
        anchors = np.arange(len(evidence.seconds))
    groups = [anchors[rows] for rows in merge_groups(evidence.pool(np.eye(len(evidence.seconds))[anchors]), settings)]
    lengths = [evidence.seconds[rows].sum() for rows in groups]
    speakers = [rows for rows, length in zip(groups, lengths, strict=True) if length >= least_speaker_s]
    labels = np.full(len(evidence.seconds), -1)
    for speaker, rows in enumerate(speakers or [groups[int(np.argmax(lengths))]]):
        labels[rows] = speaker
    return in_order(_assign_rest(evidence, labels, settings))


def _assign_rest(evidence: Evidence, labels: np.ndarray, settings: SameVoice) -> np.ndarray:
    speakers, rest = np.arange(labels.max() + 1), np.flatnonzero(labels < 0)
    groups = np.concatenate([labels == speakers[:, None], np.arange(len(labels)) == rest[:, None]])
    pooled = evidence.pool(groups.astype(float))
    complete = labels.copy()
    for row, piece in enumerate(rest, start=len(speakers)):
        complete[piece] = int(np.argmax(pooled.affinity(row, speakers, settings)))
    return complete


def in_order(labels: np.ndarray) -> np.ndarray:
    """The labels renumbered 0, 1, ... by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
