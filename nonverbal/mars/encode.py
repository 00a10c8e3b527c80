"""Chat records as token ids: the prompt, then the answer, and which kind each token is of."""

import json
import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, islice, takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import Drop, UserError
from nonverbal.mars.interleave import MOTION

log = logging.getLogger("nonverbal")
KINDS = ("text", "face", "body", "end")
IGNORED = -100  # label that no loss counts
BATCH = 256  # records tokenized at once
EMPTY = {"role": "user", "content": ""}


class Encoded(NamedTuple):
    """Token ids of prompt and answer, int32 [tokens]; the answer, its end mark included, begins at `answer`.

    `turns` is the number of messages of the context that the prompt still has.
    """

    ids: np.ndarray
    answer: int
    turns: int


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


def encode_all(records: Iterable[dict], tokenizer: AnyTokenizer, length: int, label: str) -> list[Encoded]:
    """All records that fit; how many do not is logged."""
    found = [one for _, one in encode_records(records, tokenizer, length)]
    fitting = [one for one in found if isinstance(one, Encoded)]
    left_out = Counter(one.reason for one in found if isinstance(one, Drop))
    log.info("%s: %d records, left out %s", label, len(fitting), dict(left_out) or "none")
    return fitting


def encode_records(
    records: Iterable[dict], tokenizer: AnyTokenizer, length: int
) -> Iterator[tuple[dict, Encoded | Drop]]:
    """Each record with its prompt and answer in at most `length` tokens, or why it does not fit; in order.

    Raises:
        UserError: a record holds a motion token that the tokenizer does not know.
    """
    known = set(tokenizer.get_added_vocab())
    records = iter(records)
    while batch := list(islice(records, BATCH)):
        check_motion(batch, known)
        answers = token_ids([record["messages"][-1]["content"] for record in batch], tokenizer)
        rooms = [length - len(answer) - 1 for answer in answers]  # 1: the end mark
        prompts = fit_prompts([record["messages"] for record in batch], tokenizer, rooms)
        for record, prompt, answer, room in zip(batch, prompts, answers, rooms, strict=True):
            if room < 1:
                yield record, Drop("answer_too_long", f"it has {len(answer)} tokens, a sequence at most {length}")
            elif isinstance(prompt, Drop):
                yield record, prompt
            else:
                ids = np.array(prompt.ids + answer + [tokenizer.eos_token_id], np.int32)
                yield record, Encoded(ids, len(prompt.ids), prompt.turns)


def check_motion(records: Sequence[dict], known: set[str]) -> None:
    """See that the tokenizer knows every motion token of the records."""
    text = "".join(message["content"] for record in records for message in record["messages"])
    if unknown := {match[0] for match in MOTION.finditer(text)} - known:
        raise UserError(
            f"the records hold {min(unknown)}, which the model's tokenizer does not know: they are of another "
            "codebook, so make the model again for this one (--forcerun base)"
        )


class Prompt(NamedTuple):
    """Ids of all messages but the answer, and of the head of the answer; how many messages of the context there are."""

    ids: list[int]
    turns: int


def fit_prompts(
    chats: Sequence[list[dict[str, str]]], tokenizer: AnyTokenizer, rooms: Sequence[int]
) -> list[Prompt | Drop]:
    """The prompt of each chat in at most its room of tokens, or that it does not fit.

    A prompt that is too long loses whole messages of the context, oldest first, never the system prompt or the last.
    """
    sizes = Sizes(tokenizer)
    shown = [sizes.fitting(chat[:-1], room) for chat, room in zip(chats, rooms, strict=True)]
    ids = token_ids([prompt_text(messages, tokenizer) for messages in shown], tokenizer)
    return [shorten(messages, one, tokenizer, room) for messages, one, room in zip(shown, ids, rooms, strict=True)]


def shorten(shown: list[dict[str, str]], ids: list[int], tokenizer: AnyTokenizer, room: int) -> Prompt | Drop:
    """The prompt of these messages, whose ids are given, without those that do not fit."""
    system, context = split_system(shown)
    while len(ids) > room:
        context = context[1:]
        if not context:
            return Drop("context_too_long", f"prompt and answered turn do not fit into the {room} tokens left for them")
        ids = token_ids([prompt_text([*system, *context], tokenizer)], tokenizer)[0]
    return Prompt(ids, len(context))


def split_system(messages: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The system prompt, if there is one, and the other messages."""
    first = int(messages[0]["role"] == "system")
    return messages[:first], messages[first:]


class Sizes:
    """How many tokens messages have, each counted once: of long conversations most records show the same."""

    def __init__(self, tokenizer: AnyTokenizer) -> None:
        self.tokenizer = tokenizer
        self.of_text = cache(lambda text: len(token_ids([text], tokenizer)[0]))
        self.of_marks = cache(self._of_marks)

    def fitting(self, messages: list[dict[str, str]], room: int) -> list[dict[str, str]]:
        """The system prompt and the last messages, as many as should fit, but one at least."""
        system, context = split_system(messages)
        if len(context) == 1:
            return messages
        left = room - self.of_text(prompt_text([*system, EMPTY], self.tokenizer)) + self.of_marks(EMPTY["role"])
        sums = accumulate(self.of_text(one["content"]) + self.of_marks(one["role"]) for one in reversed(context))
        count = sum(1 for _ in takewhile(lambda size: size <= left, sums))
        return [*system, *context[-max(1, count) :]]

    def _of_marks(self, role: str) -> int:
        one = self.of_text(prompt_text([EMPTY], self.tokenizer))
        return self.of_text(prompt_text([EMPTY, {"role": role, "content": ""}], self.tokenizer)) - one


def prompt_text(messages: list[dict[str, str]], tokenizer: AnyTokenizer) -> str:
    """Messages and the head of the answer, as the model's chat template writes them."""
    date = "26 Jul 2024"  # Llama's template would write today's
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, date_string=date)
    return str(text)


def token_ids(texts: list[str], tokenizer: AnyTokenizer) -> list[list[int]]:
    """Ids of each text, without marks of their own; the Rust tokenizer is asked directly, which halves the time."""
    encodings = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


def token_kinds(tokenizer: AnyTokenizer, rows: int) -> torch.Tensor:
    """Position in KINDS of each of the model's `rows` tokens, int64 [rows]."""
    kinds = torch.full((rows,), KINDS.index("text"))
    for name, token in tokenizer.get_added_vocab().items():
        if match := MOTION.fullmatch(name):
            kinds[token] = KINDS.index(match[1].lower())
    kinds[tokenizer.eos_token_id] = KINDS.index("end")
    return kinds
