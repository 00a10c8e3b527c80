"""Motion tokens as the parameters of a face and a body."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nonverbal.errors import UserError
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, LAYOUTS, PARTS, Layout
from nonverbal.mars.interleave import FRAMES_PER_TOKEN
from nonverbal.talk.schedule import Answer, Schedule, runs
from nonverbal.tokenizers.model import MotionTokenizer, restored
from nonverbal.tokenizers.streaming import decode_run
from nonverbal.views.found import Span
from nonverbal.views.motion import Motion, held, resting

Run = tuple[int, list[int]]  # first frame, codes
FEATURES = {"face": FACE_FEATURES, "body": BODY_FEATURES}


@dataclass(frozen=True)
class Decoder:
    """A trained tokenizer with the scale of its numbers, float32 [dim]."""

    network: MotionTokenizer
    layout: Layout
    mean: np.ndarray
    std: np.ndarray
    path: Path

    @classmethod
    def load(cls, path: Path) -> "Decoder":
        """Read what train_tokenizer wrote."""
        saved = torch.load(path, map_location="cpu", weights_only=True)
        return cls(restored(saved).eval(), LAYOUTS[saved["layout"]], saved["mean"].numpy(), saved["std"].numpy(), path)

    def decode(self, codes: Sequence[int]) -> np.ndarray:
        """Features [8 x codes, F] of a run, NaN where the tokens say nothing.

        Raises:
            UserError: a code is not in the codebook.
        """
        size = self.network.quantizer.size
        if max(codes) >= size:
            raise UserError(
                f"MARS made code {max(codes)}, but {self.path} has {size}: they are of different runs; train MARS again"
            )
        frames = FRAMES_PER_TOKEN * len(codes)
        numbers = decode_run(self.network, np.array(codes, np.int64)[:, None], frames)
        features = np.full((frames, FEATURES["body" if self.layout.name == "smplx" else "face"]), np.nan, np.float32)
        features[:, self.layout.index] = numbers * self.std + self.mean
        return features


def runs_of(answer: Answer, times: Schedule) -> dict[str, list[Run]]:
    """The first frame and the codes of each unbroken run of an answer's pairs, by part."""
    return {
        part: [(times.firsts[run[0]], [answer.pairs[i][place] for i in run]) for run in runs(times.firsts)]
        for place, part in enumerate(PARTS)
    }


def motion_of(tokens: dict[str, list[Run]], frames: int, decoders: dict[str, Decoder]) -> Motion:
    """Runs of tokens as motion; what they never tell (legs, trunk) is at rest, and grey where there is no token.

    Args:
        tokens: by part.
        frames: of the whole; what a run's last token reaches beyond is left away.
        decoders: by part.
    """
    values = {part: np.full((frames, FEATURES[part]), np.nan, np.float32) for part in PARTS}
    for part, found in tokens.items():
        for first, codes in found:
            made = decoders[part].decode(codes)[: max(frames - first, 0)]
            values[part][first : first + len(made)] = made
    face, face_known = held(values["face"], np.zeros(1))
    body, body_known = held(values["body"], resting())
    untold = np.setdiff1d(np.arange(BODY_FEATURES), decoders["body"].layout.index)
    body_known[:, untold] = np.any(body_known, axis=1, keepdims=True)
    return Motion(0, Span(0, frames), face, body, face_known, body_known)
