"""Diarization by networks that lie inside installed packages: PyanNet says where voices change, GE2E whose they are."""

import itertools
from typing import NamedTuple

import numpy as np
import scipy.signal
import torch
from scipy.linalg import block_diag
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence

from nonverbal.media import SAMPLE_RATE
from nonverbal.models import model_path
from nonverbal.speech.clustering import Evidence, cluster, join_evidence, merge_groups
from nonverbal.speech.pieces import Piece, agreement, audible, find_pieces, levels, stitch
from nonverbal.speech.pyannet import FRAME_STEP, load_pyannet, local_scores
from nonverbal.speech.settings import Diarize
from nonverbal.speech.turns import Sound, Turn, join_turns
from nonverbal.speech.voices import HOP, VOICE, load_voice_encoder, mel_frames

PARTIAL = 160  # mel frames that the voice encoder was trained on
LONGEST_PARTIAL = 200  # mel frames that are not yet divided
BLOCK_S = 600  # of sound at a time; the paper's clip is one
BLOCK = BLOCK_S * SAMPLE_RATE
PAUSE_S = 0.08  # shorter dips of loudness are inside words


class Block(NamedTuple):
    """Pieces of speech, seconds [start, end) of the whole sound, and the evidence of whose they are."""

    pieces: list[tuple[float, float]]
    evidence: Evidence


class EmbeddedDiarizer:
    """Callable: samples -> turns; loads its networks once."""

    def __init__(self, settings: Diarize) -> None:
        self.settings = settings
        self.step = max(1, round(settings.step_s * SAMPLE_RATE / FRAME_STEP))
        self.pyannet = load_pyannet(model_path("pyannet"))
        self.encoder = load_voice_encoder(model_path("ge2e"))

    def __call__(self, samples: Sound, people: int = 0, speakers: int | None = None) -> list[Turn]:
        """Who speaks when in 16 kHz mono sound.

        Args:
            samples: [samples], an array or a recording; a block of it at a time is in memory.
            people: seen in the picture; 0 when nothing is known of them.
            speakers: how many there are, where that is known.
        """
        chosen = self.settings
        blocks = [self.listen(samples[start : start + BLOCK], start) for start in range(0, len(samples), BLOCK)]
        pieces = [piece for block in blocks for piece in block.pieces]
        if not pieces:
            return []
        groups = [self.groups(block.evidence) if len(blocks) > 1 else np.eye(len(block.pieces)) for block in blocks]
        evidence = join_evidence([block.evidence.pool(rows) for block, rows in zip(blocks, groups, strict=True)])
        of_group = cluster(evidence, chosen.anchor_s, chosen.least_speaker_s, chosen.same_voice, people, speakers)
        labels = of_group @ block_diag(*groups)
        found = [Turn(int(who), start, end) for who, (start, end) in zip(labels, pieces, strict=True)]
        return join_turns(found, chosen.longest_gap_s)

    def listen(self, samples: np.ndarray, first: int) -> "Block":
        """The pieces of speech in a block of sound that begins at sample `first`, and what is known of them."""
        chosen = self.settings
        samples = without_rumble(samples, chosen.rumble_hz, chosen.rumble_db)
        sound = torch.from_numpy(samples)
        scores = local_scores(self.pyannet, sound, self.step * FRAME_STEP, chosen.batch).numpy()
        pieces = find_pieces(stitch(scores, self.step), audible(samples, chosen.quiet_db, PAUSE_S), chosen.onset)
        if not pieces:
            return Block([], Evidence(np.zeros((0, VOICE)), np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0))))
        shared, same = agreement(pieces, scores, self.step, chosen.onset)
        seconds = np.array([piece.end_s - piece.start_s for piece in pieces])
        voices = self.voices(sound, pieces) * seconds[:, None]
        start_s, length_s = first / SAMPLE_RATE, len(samples) / SAMPLE_RATE
        spans = [(start_s + piece.start_s, start_s + min(piece.end_s, length_s)) for piece in pieces]
        return Block(spans, Evidence(voices, seconds, shared, same))

    def groups(self, evidence: Evidence) -> np.ndarray:
        """Which pieces of a block are surely one speaker, 0 or 1 [groups, pieces]: fewer to compare in long sound."""
        chosen = self.settings
        anchors = np.flatnonzero(evidence.seconds >= chosen.anchor_s)
        pool = np.eye(len(evidence.seconds))
        merges = merge_groups(evidence.pool(pool[anchors]), chosen.least_speaker_s, chosen.same_voice)
        sure = itertools.takewhile(lambda merge: merge.affinity >= chosen.same_voice.people, merges)
        for merge in sure:
            pool[anchors[merge.into]] += pool[anchors[merge.other]]
            pool[anchors[merge.other]] = 0
        return pool[pool.any(axis=1)]

    @torch.inference_mode()
    def voices(self, sound: Tensor, pieces: list[Piece]) -> np.ndarray:
        """The voice of each piece, unit vectors [pieces, 256]: the mean over partials of about 1.6 s."""
        mels = mel_frames(sound)
        spans = [partials(piece, len(mels)) for piece in pieces]
        parts = [mels[start:end] for of_piece in spans for start, end in of_piece]
        batches = [parts[i : i + self.settings.batch] for i in range(0, len(parts), self.settings.batch)]
        vectors = torch.cat([self.encoder(pack_sequence(batch, enforce_sorted=False)) for batch in batches])
        means = [one.mean(dim=0) for one in vectors.split([len(of_piece) for of_piece in spans])]
        return torch.nn.functional.normalize(torch.stack(means), dim=1).numpy()


def without_rumble(samples: np.ndarray, below_hz: float, steady_db: float) -> np.ndarray:
    """Sound less its bass, float32, where bass never rests; else as it is.

    The networks take loud steady bass (music, engines) for the level of the speech, and then hear less of it; bass
    that rests belongs to the voices, which are told apart better with it.

    Args:
        samples: 16 kHz.
        below_hz: what is bass.
        steady_db: bass is steady where its quiet tenth is less than this below the loud parts of the whole sound.
    """
    filters = scipy.signal.butter(4, below_hz, "highpass", fs=SAMPLE_RATE, output="sos")
    above = np.ascontiguousarray(scipy.signal.sosfilt(filters, samples), dtype=np.float32)
    quiet, loud = np.percentile(levels(samples - above), 10), np.percentile(levels(samples), 95)
    return above if quiet > loud - steady_db else np.ascontiguousarray(samples)


def partials(piece: Piece, mel_length: int) -> list[tuple[int, int]]:
    """Spans of mel frames that cover a piece: itself when short, else equal ones that overlap by about half."""
    per_second = SAMPLE_RATE / HOP
    start = min(int(piece.start_s * per_second), mel_length - 1)
    end = min(max(int(piece.end_s * per_second), start + 1), mel_length)
    if end - start <= LONGEST_PARTIAL:
        return [(start, end)]
    count = 1 + -(-(end - start - PARTIAL) // (PARTIAL // 2))
    return [(round(first), round(first) + PARTIAL) for first in np.linspace(start, end - PARTIAL, count)]
