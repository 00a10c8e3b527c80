"""Settings of the tokenizers stage."""

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from nonverbal.errors import UserError
from nonverbal.settings import Settings

NAME, COMMIT = r"^[a-z0-9_]+$", r"^[0-9a-f]{40}$"
OURS = "ours"  # the row that is no change
SECTIONS = ("face", "body", "joint")


class HubSource(Settings):
    """Published records (winston1214/VENUS-1K, -5K, -10K), or records in their schema, in place of videos."""

    kind: Literal["hub"]
    """hub, so that they are not taken for recordings."""
    repository: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$")
    """owner/name of the data set; null where `folder` has its files."""
    revision: str | None = Field(default=None, json_schema_extra={"pattern": COMMIT})
    """Commit of the repository, 40 hexadecimal digits, so that a later upload changes nothing."""
    folder: str | None = Field(default=None, min_length=1)
    """Where the Parquet files lie already, named after their split."""
    face: Literal["emoca", "flame", "open_face"] = "emoca"
    """What made the faces; says which layout they have. open_face: records of this workflow's own."""
    body: Literal["osx", "mediapipe_ik"] = "osx"
    """What made the bodies; tables name it. mediapipe_ik: records of this workflow's own."""

    @field_validator("revision")
    @classmethod
    def _is_commit(cls, revision: str | None) -> str | None:
        if revision is not None and not re.fullmatch(COMMIT, revision):
            raise ValueError("write the 40 digits of a commit of the repository, which the hub lists under History")
        return revision

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.folder) == bool(self.repository) or bool(self.repository) != bool(self.revision):
            raise ValueError(
                "write repository and revision (the 40 digits of a commit, which the hub lists under History), or "
                "folder alone"
            )
        return self


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
    """Codes used less than this many times a batch (moving average) are replaced by encoder outputs; 0: never."""
    normalised: bool
    """Whether codes and latents are on the unit sphere (paper: true)."""
    initialisation: Literal["random", "kmeans"]
    """First codes: random, which the first batch's dead codes replace by encoder outputs, or its k-means centres."""
    gradient: Literal["straight_through", "rotation"]
    """How gradients pass the codebook (paper: straight_through; the rotation trick is arXiv 2410.06424)."""
    temperature: float = Field(ge=0)
    """Of Gumbel-sampled codes in training (MoMask: 0.5); 0 takes the nearest."""
    quantizers: int = Field(gt=0)
    """Codebooks, each of what the ones before leave over (MoMask: 6); paper: 1."""
    dropout: bool
    """Whether a batch in training uses only a random number of the first quantizers (MoMask)."""
    levels: tuple[int, ...]
    """Steps of each number of a finite scalar quantizer, whose product is `size`; [] for a learned codebook."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.quantizers > 1 and (self.normalised or self.levels):
            raise ValueError("what is left over is not on the sphere: write normalised: false, levels: []")
        if self.levels and math.prod(self.levels) != self.size:
            raise ValueError(f"levels {list(self.levels)} make {math.prod(self.levels)} codes: write that as size")
        return self


class Network(Settings):
    """Convolutional encoder and decoder."""

    width: int = Field(gt=0)
    """Channels (paper: 512)."""
    depth: int = Field(gt=0)
    """Residual layers a block (paper: 3)."""
    downsampling: Literal[2, 4, 8, 16]
    """Frames a token (paper: 8); each halving has a block."""


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
    by_group: bool
    """Whether each group's mean counts by its weight (paper), or one mean over all numbers counts (baselines)."""


class Tokenizer(Settings):
    """One part's VQ-VAE."""

    codebook: Codebook
    network: Network
    losses: Losses


class Training(Settings):
    """Optimisation (paper, appendix B.1)."""

    window: int = Field(gt=0, multiple_of=16)
    """Frames a training window (paper: 512)."""
    batch: int = Field(gt=0)
    """Windows a batch, over all processes."""
    pool: int = Field(gt=0)
    """Batches of windows sorted by length at a time, so that they pad less; 1 sorts nothing."""
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
    precision: Literal["bf16", "float32"]
    """Of the convolutions in training; a CPU without instructions for bf16 computes in float32 either way."""
    compile: bool
    """Whether a GPU runs compiled convolutions."""
    processes: int = Field(gt=0)
    """Processes that share each batch, one a GPU."""
    threads: int = Field(gt=0)
    """Threads a process; with a GPU, all but one of them read ahead."""
    checkpoint_s: float = Field(ge=0)
    """Seconds between checkpoints; 0 writes one after every step."""


class Evaluation(Settings):
    """How reconstructions are measured."""

    frames: int = Field(gt=0)
    """Test frames measured at most; whole runs, drawn at random."""
    body_vertices: int = Field(gt=0)
    """Take every n-th vertex of the body's mesh."""


class Row(Settings):
    """A row of table 3: the tokenizers of the config with some keys changed."""

    label: str = Field(min_length=1)
    """Name of the row, as the paper prints it."""
    group: str = Field(min_length=1)
    """What its group of rows compares."""
    joint: bool = False
    """Whether one tokenizer, of section `joint`, reads faces and bodies together; each is measured by itself."""
    changes: dict[str, bool | int | float | str | tuple[int, ...]]
    """Keys of face, body and joint (codebook.size), of one of them (face.losses.velocity) and of training
    (training.window), and what they are in this row."""


class Table3(Settings):
    """What table 3 trains."""

    rows: tuple[Annotated[str, Field(pattern=NAME)], ...]
    """Rows to train beside `ours`, which is always trained and makes the tokens."""
    repeats: int = Field(gt=0)
    """Trainings a row, each with a seed of its own; the table gives mean and standard deviation."""


class Tokenizers(Settings):
    """Face and body VQ-VAE."""

    frames: Frames
    face: Tokenizer
    body: Tokenizer
    joint: Tokenizer
    """Of rows in which one tokenizer reads faces and bodies together."""
    training: Training
    evaluation: Evaluation
    rows: dict[Annotated[str, Field(pattern=NAME)], Row]
    """Rows that table 3 may have."""
    table3: Table3

    def variant(self, part: str, row: str) -> tuple[Tokenizer, Training]:
        """Settings of one part in one row of table 3.

        Raises:
            UserError: the row is not there, or changes what is not there, or to what cannot be.
        """
        if row != OURS and row not in self.rows:
            raise UserError(f"config key tokenizers.table3.rows: {row!r} is none of tokenizers.rows: {[*self.rows]}")
        section = self.section(part, row)
        if row == OURS:
            return getattr(self, section), self.training
        values = self.model_dump(include={*SECTIONS, "training"})
        for key, value in self.rows[row].changes.items():
            change(values, section, key, value, f"tokenizers.rows.{row}.changes")
        try:
            return Tokenizer.model_validate(values[section]), Training.model_validate(values["training"])
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise UserError(f"config key tokenizers.rows.{row}.changes: {key}: {first['msg']}") from None

    def section(self, part: str, row: str) -> str:
        """The section whose tokenizer serves a part in a row: its own, or joint."""
        return "joint" if row in self.rows and self.rows[row].joint else part

    def trained(self, part: str) -> dict[str, str]:
        """Rows of table 3 -> the row whose training they share: the first that has the same settings."""
        settings = {row: self.variant(part, row) for row in (OURS, *self.table3.rows)}
        return {row: next(other for other, value in settings.items() if value == one) for row, one in settings.items()}


def change(values: dict[str, Any], section: str, key: str, value: object, where: str) -> None:
    """Set a dotted key, of a section where it does not begin with one.

    Raises:
        UserError: there is no such key.
    """
    *path, last = key.split(".") if key.split(".")[0] in values else (section, *key.split("."))
    node: Any = values
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    if not isinstance(node, dict) or last not in node:
        raise UserError(
            f"config key {where}: {key!r} is no key of a tokenizer or of training; write e.g. codebook.size"
        )
    node[last] = value
