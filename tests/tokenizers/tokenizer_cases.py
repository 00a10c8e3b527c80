"""A tokenizer small enough for tests, and seeded smooth motion."""

import numpy as np

from nonverbal.layouts import OPEN_FACE
from nonverbal.tokenizers.settings import Codebook, Losses, Network, Tokenizer, Training

TINY = Tokenizer(
    codebook=Codebook(
        size=16, dim=4, decay=0.9, commitment=0.02, dead_below=0.1, normalised=True, initialisation="kmeans",
        gradient="straight_through", temperature=0, quantizers=1, dropout=False, levels=(),
    ),
    network=Network(width=16, depth=2, downsampling=8),
    losses=Losses(
        reconstruction="l1", velocity=0.5, by_group=True,
        groups={"expression": 1, "jaw": 5}, velocity_groups={"expression": 1, "jaw": 5},
    ),
)  # fmt: skip
TRAINING = Training(
    window=32, batch=4, pool=2, epochs=6, learning_rate=3e-3, weight_decay=0.1, clip=1.0, accumulation=2, warm_up=0.1,
    precision="float32", compile=True, processes=1, threads=1, checkpoint_s=0,
)  # fmt: skip


def tiny(**changes: object) -> Tokenizer:
    """TINY with another codebook."""
    codebook = Codebook.model_validate(TINY.codebook.model_dump() | changes)
    return TINY.model_copy(update={"codebook": codebook})


def motion_rows(clip_id: str, utterance_id: int, frame_numbers: np.ndarray, seed: int) -> list[dict]:
    """Face rows of an utterance: two slow waves mixed into 51 numbers."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(0).uniform(0, 0.3, (2, OPEN_FACE.dim))
    waves = 1 + np.sin(2 * np.pi * (frame_numbers[:, None] / 25 * [0.4, 0.9] + rng.random(2)))
    features = np.full((len(frame_numbers), OPEN_FACE.features), np.nan, np.float32)
    features[:, OPEN_FACE.index] = waves @ mix
    return [
        {"clip_id": clip_id, "utterance_id": utterance_id, "speaker": utterance_id % 2, "frame": int(frame),
         "valid": True, "reason": "", "confidence": 0.9, "features": values}
        for frame, values in zip(frame_numbers, features, strict=True)
    ]  # fmt: skip
