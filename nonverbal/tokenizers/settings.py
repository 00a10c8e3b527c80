"""Settings of the tokenizers stage."""

from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings


class Frames(Settings):
    """Sequences of frames, and how their numbers are normalised."""

    longest_gap: int = Field(ge=0, lt=8)
    """Unseen frames that a run may span; a longer gap ends it. Below 8, so that each token covers a seen frame."""
    least_std: float = Field(gt=0)
    """A group that varies less (radians, or parts of an action) is not blown up to unit variance."""


class Codebook(Settings):
    """Vector quantizer (paper, appendix B.1)."""

    size: int = Field(gt=1)
    """Codes (paper: 512)."""
    dim: int = Field(gt=0)
    """Numbers a code (paper: face 8, body 16)."""
    decay: float = Field(gt=0, lt=1)
    """Exponential moving average of the codebook (paper: 0.99)."""
    commitment: float = Field(ge=0)
    """Weight of the commitment loss (paper: 0.02)."""
    dead_below: float = Field(ge=0)
    """Codes used less than this many times a batch (moving average) are replaced by encoder outputs."""


class Network(Settings):
    """Convolutional encoder and decoder."""

    width: int = Field(gt=0)
    """Channels (paper: 512)."""
    depth: int = Field(gt=0)
    """Residual layers a block (paper: 3)."""


class Losses(Settings):
    """Loss weights (paper, appendix B.1)."""

    reconstruction: Literal["l1", "smooth_l1", "l2"]
    """Paper: l1."""
    velocity: float = Field(ge=0)
    """Weight of the velocity loss (paper: 0.5)."""
    groups: dict[str, float]
    """Reconstruction weight of each group of the layout (paper: expression 1, jaw 5)."""
    velocity_groups: dict[str, float]
    """Velocity weight of each group (paper: jaw 5)."""


class Tokenizer(Settings):
    """One part's VQ-VAE."""

    codebook: Codebook
    network: Network
    losses: Losses


class Training(Settings):
    """Optimisation (paper, appendix B.1)."""

    window: int = Field(gt=0, multiple_of=8)
    """Frames a training window (paper: 512)."""
    batch: int = Field(gt=0)
    """Windows a batch."""
    epochs: int = Field(gt=0)
    """Passes over the training split (paper: 100)."""
    learning_rate: float = Field(gt=0)
    """AdamW (paper: 1e-4)."""
    weight_decay: float = Field(ge=0)
    """AdamW (paper: 0.1)."""
    clip: float = Field(gt=0)
    """Gradient norm (paper: 1.0)."""
    accumulation: int = Field(gt=0)
    """Batches a step (paper: 4)."""
    warm_up: float = Field(ge=0, lt=1)
    """Share of the steps (paper: 0.1)."""


class Evaluation(Settings):
    """How reconstructions are measured."""

    frames: int = Field(gt=0)
    """Test frames measured at most; whole runs, drawn at random."""
    body_vertices: int = Field(gt=0)
    """Take every n-th vertex of the body's mesh."""


class Tokenizers(Settings):
    """Face and body VQ-VAE."""

    frames: Frames
    face: Tokenizer
    body: Tokenizer
    training: Training
    evaluation: Evaluation
