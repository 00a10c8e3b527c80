"""Diarization by networks that lie inside installed packages: PyanNet says where voices change, GE2E whose they are."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence

from nonverbal.media import SAMPLE_RATE
from nonverbal.models import model_path
from nonverbal.speech.clustering import Evidence, cluster
from nonverbal.speech.pieces import Piece, agreement, audible, find_pieces, stitch
from nonverbal.speech.pyannet import FRAME_STEP, load_pyannet, local_scores
from nonverbal.speech.settings import Diarize
from nonverbal.speech.turns import Turn, join_turns
from nonverbal.speech.voices import HOP, load_voice_encoder, mel_frames

PARTIAL = 160  # mel frames that the voice encoder was trained on
LONGEST_PARTIAL = 200  # mel frames that are not yet divided
PAUSE_S = 0.08  # shorter dips of loudness are inside words


class EmbeddedDiarizer:
    """Callable: samples -> turns; loads its networks once."""

    def __init__(self, settings: Diarize) -> None:
        self.settings = settings
        self.step = max(1, round(settings.step_s * SAMPLE_RATE / FRAME_STEP))
        self.pyannet = load_pyannet(model_path("pyannet"))
        self.encoder = load_voice_encoder(model_path("ge2e"))

    def __call__(self, samples: np.ndarray) -> list[Turn]:
        """Who speaks when in 16 kHz mono sound, [samples]."""
        chosen = self.settings
        sound = torch.from_numpy(np.ascontiguousarray(samples))
        scores = local_scores(self.pyannet, sound, self.step * FRAME_STEP, chosen.batch).numpy()
        loud = audible(samples, chosen.quiet_db, PAUSE_S)
        pieces = find_pieces(stitch(scores, self.step), loud, chosen.onset)
        if not pieces:
            return []
        shared, same = agreement(pieces, scores, self.step, chosen.onset)
        seconds = np.array([piece.end_s - piece.start_s for piece in pieces])
        evidence = Evidence(self.voices(sound, pieces) * seconds[:, None], seconds, shared, same)
        labels = cluster(evidence, chosen.anchor_s, chosen.least_speaker_s, chosen.same_voice)
        length_s = len(samples) / SAMPLE_RATE
        found = [Turn(int(who), p.start_s, min(p.end_s, length_s)) for who, p in zip(labels, pieces, strict=True)]
        return join_turns(found, chosen.longest_gap_s)

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


def partials(piece: Piece, mel_length: int) -> list[tuple[int, int]]:
    """Spans of mel frames that cover a piece: itself when short, else equal ones that overlap by about half."""
    per_second = SAMPLE_RATE / HOP
    start = min(int(piece.start_s * per_second), mel_length - 1)
    end = min(max(int(piece.end_s * per_second), start + 1), mel_length)
    if end - start <= LONGEST_PARTIAL:
        return [(start, end)]
    count = 1 + -(-(end - start - PARTIAL) // (PARTIAL // 2))
    return [(round(first), round(first) + PARTIAL) for first in np.linspace(start, end - PARTIAL, count)]
