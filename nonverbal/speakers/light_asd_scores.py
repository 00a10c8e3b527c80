"""Light-ASD over a clip: all tracks together, from one decoding, each second encoded at most twice."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nonverbal.layouts import FPS
from nonverbal.speakers.face_crops import Piece, crop_squares, cut_faces, pieces
from nonverbal.speakers.light_asd import REACH, WIDTHS, LightAsd
from nonverbal.speakers.mfcc import PER_FRAME, mfcc


@dataclass(frozen=True)
class Places:
    """Where the faces of a clip's tracks lie in one long table, track after track.

    Attributes:
        starts: first frame of each track.
        lengths: faces of each track.
        rows: its first row.
    """

    starts: dict[int, int]
    lengths: dict[int, int]
    rows: dict[int, int]

    @classmethod
    def of(cls, tracks: pd.DataFrame) -> "Places":
        """Of table `tracks`, one clip, rows in order of track and frame."""
        ids, rows, lengths = np.unique(tracks["track_id"], return_index=True, return_counts=True)
        starts = tracks["frame"].to_numpy()[rows]
        by_id = (dict(zip(ids.tolist(), of.tolist(), strict=True)) for of in (starts, lengths, rows))
        return cls(*by_id)


@torch.inference_mode()
def light_asd_scores(
    network: LightAsd, frames: Iterable[np.ndarray], samples: np.ndarray, tracks: pd.DataFrame,
    durations: tuple[int, ...], batch: int,
) -> np.ndarray:  # fmt: skip
    """Log-odds that each face of a clip speaks, float32 [rows of tracks].

    The published inference cuts a track into stretches of some seconds, scores each alone, and averages over several
    durations. A frame's encoding depends on `REACH` frames to either side, so that stretches of all durations share
    theirs but near cuts: each piece is encoded once alone, and the surroundings of each cut once uncut.

    Args:
        network: with weights.
        frames: of the clip, uint8 RGB; they are looked at once, in order.
        samples: the clip's sound, 16 kHz.
        tracks: table of that name, one clip, rows in order of track and frame, without gaps.
        durations: seconds of the stretches.
        batch: faces encoded at once.
    """
    if tracks.empty:
        return np.zeros(0, np.float32)
    places, ends = Places.of(tracks), int(tracks["frame"].max()) + 1
    step = math.gcd(*durations) * FPS
    faces = cut_faces(islice(frames, ends), crop_squares(tracks))
    stream = pieces(faces, places.lengths, step, REACH if len(durations) > 1 else 0)
    alone, uncut = encode(network, stream, torch.from_numpy(mfcc(samples, ends)), places, batch)
    place = torch.from_numpy((tracks["frame"] - tracks["track_id"].map(places.starts)).to_numpy())
    length = torch.from_numpy(tracks["track_id"].map(places.lengths).to_numpy())
    cut = (place + REACH) // step * step  # the cut that a face is near, if it is near one
    near = (place + REACH - cut < 2 * REACH) & (cut > 0) & (cut < length)
    scores = []
    for stretch in (duration * FPS for duration in durations):
        encoded = torch.where((near & (cut % stretch > 0))[:, None], uncut, alone)
        scores.append(classify(network, encoded, places.lengths.values(), stretch))
    return torch.stack(scores).mean(0).numpy()


def encode(
    network: LightAsd, stream: Iterable[Piece], cepstra: Tensor, places: Places, batch: int
) -> tuple[Tensor, Tensor]:
    """Encodings [rows, 128] of the pieces between cuts, and of the surroundings of the cuts (elsewhere 0).

    Args:
        stream: pieces of all tracks.
        cepstra: of the clip, [4 frames, 13].
        places: of the tracks.
        batch: faces at once.
    """
    alone, uncut = (torch.zeros(sum(places.lengths.values()), WIDTHS[-1]) for _ in range(2))
    for group in _batches(stream, batch):
        lengths = torch.tensor([len(piece.faces) for piece in group])
        heard = [_heard(cepstra, places.starts[piece.track] + piece.first, len(piece.faces)) for piece in group]
        seen = [torch.from_numpy(piece.faces) for piece in group]
        ragged = lengths if len(lengths.unique()) > 1 else None
        encoded = network.encode(pad_sequence(seen, True), pad_sequence(heard, True), ragged)
        for piece, found, length in zip(group, encoded, lengths.tolist(), strict=True):
            row = places.rows[piece.track] + piece.first
            low, high, target = 0, length, alone
            if piece.seam is not None:
                low, high, target = piece.seam - REACH - piece.first, piece.seam + REACH - piece.first, uncut
            target[row + low : row + min(high, length)] = found[low : min(high, length)]
    return alone, uncut


def classify(network: LightAsd, encoded: Tensor, lengths: Iterable[int], stretch: int) -> Tensor:
    """Log-odds [rows] of encodings [rows, 128] of tracks of these lengths, cut into stretches that are scored alone."""
    sizes = [min(stretch, length - first) for length in lengths for first in range(0, length, stretch)]
    scores = network.classify(pad_sequence(encoded.split(sizes), True), torch.tensor(sizes))
    return torch.cat([row[:size] for row, size in zip(scores, sizes, strict=True)])


def _heard(cepstra: Tensor, first: int, frames: int) -> Tensor:
    return cepstra[first * PER_FRAME : (first + frames) * PER_FRAME]


def _batches(stream: Iterable[Piece], faces: int) -> Iterator[list[Piece]]:
    """Pieces in groups of at least so many faces, but for the last group."""
    group: list[Piece] = []
    for piece in stream:
        group.append(piece)
        if sum(len(one.faces) for one in group) >= faces:
            yield group
            group = []
    if group:
        yield group
