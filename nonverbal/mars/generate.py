"""Answers of the model to test prompts, before and after training."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import Drop
from nonverbal.mars.decoding import continue_prompts
from nonverbal.mars.encode import Prompt, fit_prompts, sample_records
from nonverbal.mars.interleave import parse
from nonverbal.mars.saved import check_tokenizers, device, load_saved
from nonverbal.mars.settings import Evaluation
from nonverbal.progress import track


def generate(
    base: Path, model: Path, test: Path, generated: Path, settings: Evaluation, length: int, seed: int
) -> None:
    """Write one JSON line a model and record, words and motion apart.

    Each line: setting (zero_shot: the base model, trained), clip_id, utterances, answer and reference, each of which
    has text, face, body (codes); raw, the answer as generated; finished, whether the model ended it by itself;
    left_out, why nothing was generated, or "".

    Args:
        base, model: folders with model and tokenizer.
        test: records, of which `settings.utterances` are drawn.
        generated: JSON lines file to write.
        length: longest sequence in tokens, prompt and answer together; a longer prompt loses its oldest messages.
    """
    check_tokenizers(base, model)
    dtype = torch.bfloat16 if device() == "cuda" else torch.float32
    records = sample_records(test, settings.utterances, seed)
    partial = generated.with_name(f".{generated.name}.partial")
    with partial.open("w") as lines:
        for setting, folder in (("zero_shot", base), ("trained", model)):
            network, tokenizer = load_saved(folder, dtype)
            for answer in answers(network, tokenizer, records, settings, length, seed, setting):
                lines.write(json.dumps({"setting": setting, **answer}, ensure_ascii=False) + "\n")
    partial.replace(generated)


def answers(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    records: Sequence[dict],
    settings: Evaluation,
    length: int,
    seed: int,
    label: str,
) -> Iterator[dict]:
    """The model's answer to each record's prompt, in the records' order."""
    torch.manual_seed(seed)
    room = length - settings.new_tokens
    for start in track(range(0, len(records), settings.batch), f"generate {label}"):
        batch = records[start : start + settings.batch]
        prompts = fit_prompts([record["messages"] for record in batch], tokenizer, [room] * len(batch))
        fitting = [prompt.ids for prompt in prompts if isinstance(prompt, Prompt)]
        continued = iter(continue_prompts(model, tokenizer, fitting, settings) if fitting else [])
        for record, prompt in zip(batch, prompts, strict=True):
            left_out = str(prompt) if isinstance(prompt, Drop) else ""
            yield describe(record, [] if left_out else next(continued), tokenizer) | {"left_out": left_out}


def describe(record: dict, ids: list[int], tokenizer: AnyTokenizer) -> dict:
    """One line of the output: what was generated beside what was said."""
    raw = str(tokenizer.decode(ids, skip_special_tokens=True))
    return {
        "clip_id": record["clip_id"],
        "utterances": record["utterances"],
        "answer": parse(raw)._asdict(),
        "reference": parse(record["messages"][-1]["content"])._asdict(),
        "raw": raw,
        "finished": tokenizer.eos_token_id in ids,
    }
