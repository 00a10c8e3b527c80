"""Low-rank adapters (LoRA): small matrices beside the frozen ones, and the rows of the motion tokens."""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import UserError
from nonverbal.mars.interleave import NOT_WORDS
from nonverbal.mars.settings import Lora

FILES = ("adapter_config.json", "adapter_model.safetensors")  # of an adapter


def add_adapter(model: PreTrainedModel, tokenizer: AnyTokenizer, settings: Lora) -> PreTrainedModel:
    """The model with adapters of which alone, and of the new tokens' rows in and out, gradients are taken.

    The base model has never seen the new tokens: adapters about frozen rows could not tell one code from another.

    Raises:
        UserError: a target is no layer of the model.
    """
    added = tokenizer.get_added_vocab()
    new = sorted(token for name, token in added.items() if NOT_WORDS.fullmatch(name))
    rows = {"embed_tokens": new} if model.config.tie_word_embeddings else {"embed_tokens": new, "lm_head": new}
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        trainable_token_indices=rows,
    )
    layers = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    if unknown := set(settings.targets) - layers:
        raise UserError(
            f"config key mars.training.lora.targets: the model has no {min(unknown)}; write some of "
            f"{', '.join(sorted(layers - {'lm_head'}))}"
        )
    return get_peft_model(model, config)  # type: ignore[return-value]


def merge_adapter(model: PreTrainedModel, checkpoint: Path) -> PreTrainedModel:
    """The base model with a checkpoint's adapter worked into its weights."""
    return PeftModel.from_pretrained(model, str(checkpoint)).merge_and_unload()  # type: ignore[operator]


def keep_adapter(checkpoint: Path, folder: Path) -> None:
    """Copy a checkpoint's adapter to a new folder."""
    folder.mkdir()
    for name in FILES:
        shutil.copy2(checkpoint / name, folder / name)
