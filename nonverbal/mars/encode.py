"""Chat records as token ids: the prompt, then the answer, and which kind each token is of."""

import json
import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.mars.interleave import MOTION

log = logging.getLogger("nonverbal")
KINDS = ("text", "face", "body", "end")
IGNORED = -100  # label that no loss counts


class Encoded(NamedTuple):
    """Token ids of prompt and answer, int32 [tokens]; the answer, its end mark included, begins at `answer`."""

    ids: np.ndarray
    answer: int


def read_records(path: Path) -> Iterator[dict]:
    """The records of a JSON lines file, one at a time."""
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)


def sample_records(path: Path, count: int, seed: int) -> list[dict]:
    """`count` records drawn without replacement, or all where there are fewer, in the file's order."""
    total = sum(1 for _ in read_records(path))
    chosen = set(random.Random(seed).sample(range(total), min(count, total)))
    return [record for i, record in enumerate(read_records(path)) if i in chosen]


def prompt_ids(messages: list[dict[str, str]], tokenizer: AnyTokenizer) -> list[int]:
    """Ids of all messages but the last, and of the head of the answer."""
    text = tokenizer.apply_chat_template(
        messages[:-1],
        tokenize=False,
        add_generation_prompt=True,
        date_string="26 Jul 2024",  # Llama's template would write today's date
    )
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def encode(record: dict, tokenizer: AnyTokenizer, length: int) -> Encoded | None:
    """Prompt and answer in at most `length` tokens: the prompt loses its beginning, the answer nothing.

    None where the answer does not leave room for one token of the prompt.
    """
    prompt = prompt_ids(record["messages"], tokenizer)
    answer = tokenizer(record["messages"][-1]["content"], add_special_tokens=False)["input_ids"]
    answer.append(tokenizer.eos_token_id)
    room = length - len(answer)
    if room < 1:
        return None
    prompt = prompt[-room:]
    return Encoded(np.array(prompt + answer, np.int32), len(prompt))


def encode_all(records: Iterable[dict], tokenizer: AnyTokenizer, length: int, label: str) -> list[Encoded]:
    """All records that fit; how many do not is logged."""
    encoded = [encode(record, tokenizer, length) for record in records]
    fitting = [one for one in encoded if one is not None]
    log.info(
        "%s: %d records, %d left out: answer longer than %d", label, len(fitting), len(encoded) - len(fitting), length
    )
    return fitting


def collate(batch: Sequence[Encoded], pad: int, loss: str = "answer") -> dict[str, torch.Tensor]:
    """Right-padded int64 tensors [batch, longest]: input_ids, attention_mask, labels."""
    longest = max(len(one.ids) for one in batch)
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full((len(batch), longest), IGNORED)
    mask = torch.zeros((len(batch), longest), dtype=torch.int64)
    for row, one in enumerate(batch):
        size, first = len(one.ids), one.answer if loss == "answer" else 0
        ids[row, :size] = torch.from_numpy(one.ids)
        labels[row, first:size] = ids[row, first:size]
        mask[row, :size] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def token_kinds(tokenizer: AnyTokenizer, rows: int) -> torch.Tensor:
    """Position in KINDS of each of the model's `rows` tokens, int64 [rows]."""
    kinds = torch.full((rows,), KINDS.index("text"))
    for name, token in tokenizer.get_added_vocab().items():
        if match := MOTION.fullmatch(name):
            kinds[token] = KINDS.index(match[1].lower())
    kinds[tokenizer.eos_token_id] = KINDS.index("end")
    return kinds
