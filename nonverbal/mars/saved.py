"""Models that the stage's rules hand on: a folder of weights and tokenizer."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as AnyTokenizer
from transformers.utils import logging as transformers_logging

from nonverbal.errors import UserError

transformers_logging.disable_progress_bar()  # bars of one loading weights fill a log file


def device() -> str:
    """Where models run."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_saved(folder: Path, dtype: torch.dtype = torch.float32) -> tuple[PreTrainedModel, AnyTokenizer]:
    """Model, ready to be asked, and tokenizer of a folder.

    Raises:
        UserError: they do not belong together.
    """
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    check_rows(str(folder), tokenizer, model)
    return model.to(device()).eval(), tokenizer  # type: ignore[arg-type]


def check_rows(name: str, tokenizer: AnyTokenizer, model: PreTrainedModel) -> None:
    """See that the model has a row for each token.

    Raises:
        UserError: it has fewer: its weights and its tokenizer are of two models.
    """
    rows = model.get_input_embeddings().get_parameter("weight").shape[0]
    if rows < len(tokenizer):
        raise UserError(
            f"{name} has {rows} rows for the {len(tokenizer)} tokens of its tokenizer: it is another model's; put "
            "weights and tokenizer of one model there"
        )


def check_tokenizers(base: Path, model: Path) -> None:
    """See that a trained model has its base model's tokenizer.

    Raises:
        UserError: it is a checkpoint of another tokenizer.
    """
    one, other = (AutoTokenizer.from_pretrained(folder, local_files_only=True) for folder in (base, model))
    if one.get_vocab() != other.get_vocab():
        raise UserError(
            f"the tokenizer of {model} is not that of {base}, so the two cannot be compared: train it again from this "
            "base model (--forcerun train_mars)"
        )
