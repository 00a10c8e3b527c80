"""Models that the stage's rules hand on: a folder of weights and tokenizer."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as AnyTokenizer
from transformers.utils import logging as transformers_logging

transformers_logging.disable_progress_bar()  # bars of one loading weights fill a log file


def device() -> str:
    """Where models run."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_saved(folder: Path, dtype: torch.dtype = torch.float32) -> tuple[PreTrainedModel, AnyTokenizer]:
    """Model, ready to be asked, and tokenizer of a folder."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    return model.to(device()).eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)  # type: ignore[arg-type]
