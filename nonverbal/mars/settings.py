"""Settings of the mars stage."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nonverbal.models import registry
from nonverbal.settings import Settings

OURS = "ours"  # the records as they are
NO_CONTEXT_MOTION, TEXT_ONLY = "no_context_motion", "text_only"
SHUFFLED_MOTION, OTHER_MOTION = "shuffled_motion", "other_motion"


class Sequences(Settings):
    """Interleaving of words and motion tokens."""

    context_turns: int | None = Field(gt=0)
    """Utterances, of both speakers, that come before the answering one (paper: 1); null: all of the clip, of which
    those that do not fit the model's length are left away, oldest first."""
    turn_marks: bool
    """Whether each turn stands between <SOT> and <EOT>, as the paper draws but its code does not."""


class Tiny(Settings):
    """A Llama from scratch, with a byte-level BPE tokenizer trained on the training transcripts."""

    layers: int = Field(gt=0)
    """Transformer blocks."""
    width: int = Field(gt=0)
    """Hidden size."""
    heads: int = Field(gt=0)
    """Attention heads; they divide the width into even parts."""
    vocabulary: int = Field(ge=300)
    """Text tokens, the 256 bytes and the chat marks among them."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be a multiple of twice the heads, {2 * self.heads}")
        return self


class Base(Settings):
    """The language model MARS starts from."""

    name: str = Field(min_length=1)
    """`tiny`, a row of resources/models.yaml (paper: Llama 3.2 1B and 3B, Qwen 2.5 1.5B and 3B, all Instruct), or a
    folder with a model."""
    new_rows: Literal["mean", "codebook"]
    """How the embeddings of the motion tokens start (unpublished). `mean`: the mean of the text tokens'. `codebook`:
    about that mean, as far as text tokens are, in the direction of the codebook's vector, projected at random."""
    tiny: Tiny
    """Read where name is tiny."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name != "tiny" and name not in base_models() and not Path(name).is_dir():
            raise ValueError(
                f"there is no model {name}; write tiny, {', '.join(base_models())}, or a folder with a model"
            )
        return name

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return [self.name] if self.name in base_models() else []


def base_models() -> list[str]:
    """The rows of resources/models.yaml that are language models to start from."""
    return [name for name, model in registry().items() if model.used_for == "mars.base.name"]


class Lora(Settings):
    """Low-rank adapters instead of all weights; the rows of the motion tokens are trained too (unpublished)."""

    rank: int = Field(gt=0)
    """Inner size of an adapter."""
    alpha: int = Field(gt=0)
    """An adapter's output counts alpha / rank."""
    dropout: float = Field(ge=0, lt=1)
    """Share of an adapter's inputs that a step leaves out."""
    targets: tuple[str, ...] = Field(min_length=1)
    """Layers that get one, in each block: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj."""


class Training(Settings):
    """Supervised fine-tuning (paper: batch 8, sequence 4096, 50 epochs; the rest is unpublished)."""

    length: int = Field(gt=1)
    """Longest sequence, tokens (paper: 4096)."""
    batch: int = Field(gt=0)
    """Sequences a step, samples or packs of them, in all processes together (paper: 8)."""
    micro_batch: int = Field(gt=0)
    """Sequences in the memory of a process at once; times processes and nodes it divides the batch."""
    epochs: int = Field(gt=0)
    """Passes over the training split (paper: 50)."""
    learning_rate: float = Field(gt=0)
    """AdamW's peak; the schedule is linear warm-up, then a cosine to 0 (unpublished)."""
    weight_decay: float = Field(ge=0)
    """AdamW (unpublished)."""
    warm_up: float = Field(ge=0, lt=1)
    """Share of the steps (unpublished)."""
    clip: float = Field(gt=0)
    """Gradient norm (unpublished)."""
    loss: Literal["answer", "all"]
    """Tokens that count: those of the answering turn, or all (unpublished)."""
    packing: bool
    """Whether a sequence is filled with several samples, none of which sees another; else padded (unpublished)."""
    lora: Lora | None
    """Adapters; null trains all weights (unpublished)."""
    attention: Literal["sdpa", "flash_attention_2"]
    """How attention is computed: by torch, sample by sample, or by the package flash-attn, on a GPU, at once."""
    gradient_checkpointing: bool
    """Whether activations are computed again in the backward pass, for less memory."""
    liger: bool
    """Whether Liger's kernels are used, on a GPU where the package liger-kernel is installed."""
    processes: int = Field(gt=0)
    """Processes on a node, one a GPU, that share each batch."""
    nodes: int = Field(gt=0)
    """Nodes of the SLURM job, each with so many processes."""
    fsdp: bool
    """Whether processes share weights, gradients and optimizer (FSDP), instead of each holding all; on GPUs alone."""
    threads: int = Field(gt=0)
    """Processor threads a process."""
    checkpoint_steps: int = Field(gt=0)
    """Steps between two checkpoints; each is scored on validation answers, and the best is kept."""
    validation: int = Field(gt=0)
    """Answers of the validation split that score a checkpoint, drawn at random."""
    patience: int | None = Field(gt=0)
    """Checkpoints without a better validation loss after which training stops; null trains all epochs."""

    @property
    def world(self) -> int:
        """Processes on all nodes."""
        return self.processes * self.nodes

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if self.batch % (self.micro_batch * self.world):
            raise ValueError("micro_batch, times processes and nodes, must divide batch")
        return self

    @model_validator(mode="after")
    def _fsdp_shares(self) -> Self:
        if self.fsdp and self.world == 1:
            raise ValueError("fsdp needs several processes; write processes: 2, or fsdp: false")
        if self.fsdp and self.lora:
            raise ValueError("adapters are too small to share (torch cannot cut their rows); write fsdp: false")
        return self


class BertScore(Settings):
    """The encoder that BERTScore compares by (paper: unpublished; these are the metric's defaults for English)."""

    name: str = Field(min_length=1)
    """Hub id or folder."""
    revision: str = Field(pattern=r"^([0-9a-f]{40})?$")
    """Commit of the hub repository; "" for a folder."""
    layer: int = Field(gt=0)
    """Hidden layer whose vectors are compared."""


class Evaluation(Settings):
    """Generation and table 4."""

    utterances: int = Field(gt=0)
    """Answers of the test split that are generated and scored, drawn at random (paper: 1000)."""
    batch: int = Field(gt=0)
    """Sequences at once."""
    new_tokens: int = Field(gt=0)
    """Longest answer generated, tokens (paper: 512)."""
    temperature: float = Field(ge=0)
    """0 is greedy (unpublished)."""
    in_step: bool
    """Whether generated FACE and BODY tokens come in pairs alone, a BODY after each FACE (unpublished)."""
    bertscore: BertScore


class Ablations(Settings):
    """Models trained beside MARS, on the same records with less or wrong motion."""

    rows: tuple[Literal["no_context_motion", "text_only", "shuffled_motion", "other_motion"], ...]
    """`no_context_motion`: only the answers have motion. `text_only`: none has. `shuffled_motion`: each turn's FACE
    tokens in random order, and its BODY tokens. `other_motion`: the motion of turns half the split away."""
    repeats: int = Field(gt=0)
    """Trainings of MARS and of each row, each with a seed of its own; table 4 gives mean and standard deviation."""


class Mars(Settings):
    """Sequences, base model, training, evaluation, ablations."""

    sequences: Sequences
    base: Base
    training: Training
    evaluation: Evaluation
    ablations: Ablations

    @model_validator(mode="after")
    def _answers_fit(self) -> Self:
        if self.evaluation.new_tokens >= self.training.length:
            raise ValueError("evaluation.new_tokens must be less than training.length, or no room is left for a prompt")
        return self
