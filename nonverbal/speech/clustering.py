"""How many people speak, and which piece of speech is whose: bottom-up merging on two kinds of evidence."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag

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


def join_evidence(parts: list[Evidence]) -> Evidence:
    """Evidence of groups of different parts of the sound, which no window hears together."""
    tables = (block_diag(*(getattr(part, name) for part in parts)) for name in ("shared", "same"))
    voices, seconds = (np.concatenate([getattr(part, name) for part in parts]) for name in ("voices", "seconds"))
    return Evidence(voices, seconds, *tables)


class Merge(NamedTuple):
    """One step of bottom-up merging: group `other` joins group `into`.

    Attributes:
        affinity: of the two, the greatest of any two groups then.
        speakers: groups that then have enough speech to be a speaker.
    """

    into: int
    other: int
    affinity: float
    speakers: int


def merge_groups(evidence: Evidence, least_speaker_s: float, settings: SameVoice) -> list[Merge]:
    """Merge the two most alike groups until one is left; `evidence` is used up."""
    alive = list(range(len(evidence.seconds)))
    if len(alive) < 2:
        return []
    table = np.array([evidence.affinity(group, np.arange(len(alive)), settings) for group in alive])
    np.fill_diagonal(table, NEVER)
    merges = []
    while len(alive) > 1:
        into, other = sorted(divmod(int(np.argmax(table)), len(table)))
        speakers = int((evidence.seconds[alive] >= least_speaker_s).sum())
        merges.append(Merge(into, other, float(table[into, other]), speakers))
        evidence.merge(into, other)
        alive.remove(other)
        table[other], table[:, other] = NEVER, NEVER
        rest = np.array([group for group in alive if group != into], dtype=int)
        table[into, rest] = table[rest, into] = evidence.affinity(into, rest, settings)
    return merges


def steps_by_likeness(merges: list[Merge], people: int, bias: float) -> int:
    """How many of the merges join pieces of one speaker.

    More likeness is asked before there are fewer speakers than people seen. (Fewer people prove nothing: who speaks may
    be out of the picture, and two who look alike are taken for one.)

    Args:
        merges: from `merge_groups`.
        people: seen in the picture; 0 when nothing is known of them.
        bias: cosine by which people count.
    """
    for step, merge in enumerate(merges):
        if merge.affinity < (bias if merge.speakers <= people else 0):
            return step
    return len(merges)


def steps_to_count(merges: list[Merge], speakers: int) -> int:
    """How many of the merges leave so many speakers, or the next fewer where there never are so many."""
    counts = [merge.speakers for merge in merges]
    for wanted in range(speakers, 0, -1):
        if wanted in counts:
            return len(counts) - 1 - counts[::-1].index(wanted)
    return len(merges)


def groups_after(count: int, merges: list[Merge]) -> list[list[int]]:
    """The rows of each group after the merges, ascending, of `count` that there were before."""
    members = {row: [row] for row in range(count)}
    for merge in merges:
        members[merge.into] += members.pop(merge.other)
    return [sorted(rows) for rows in members.values()]


def cluster(evidence: Evidence, anchor_s: float, least_speaker_s: float, settings: SameVoice, people: int = 0,
            speakers: int | None = None) -> np.ndarray:  # fmt: skip
    """The speaker of each piece.

    Pieces of at least `anchor_s` are merged into speakers; speakers of less than `least_speaker_s` are dissolved
    (the longest is kept when all are so short); every other piece joins the speaker it is most like.

    Args:
        evidence: of the pieces.
        anchor_s, least_speaker_s: see above.
        settings: what makes two groups one speaker.
        people: seen in the picture; 0 when nothing is known of them.
        speakers: how many there are, where that is known.

    Returns:
        [pieces], numbered in order of first piece.
    """
    count = len(evidence.seconds)
    anchors = np.flatnonzero(evidence.seconds >= anchor_s)
    anchors = anchors if len(anchors) else np.arange(count)
    merges = merge_groups(evidence.pool(np.eye(count)[anchors]), least_speaker_s, settings)
    steps = steps_by_likeness(merges, people, settings.people) if speakers is None else steps_to_count(merges, speakers)
    groups = [anchors[rows] for rows in groups_after(len(anchors), merges[:steps])]
    lengths = [evidence.seconds[rows].sum() for rows in groups]
    found = [rows for rows, length in zip(groups, lengths, strict=True) if length >= least_speaker_s]
    labels = np.full(count, -1)
    for speaker, rows in enumerate(found or [groups[int(np.argmax(lengths))]]):
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
