"""Answers token by token: batched, streaming, and with face and body in step where that is asked for."""

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Event, Thread
from typing import Protocol, TypeAlias

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, PreTrainedModel, StoppingCriteriaList
from transformers import PreTrainedTokenizerBase as AnyTokenizer
from transformers.generation.streamers import BaseStreamer

from nonverbal.mars.encode import KINDS, token_kinds

Steps: TypeAlias = "SimpleQueue[list[int] | Exception | None]"  # tokens of a step; at the end what went wrong, or None


class Decoding(Protocol):
    """How answers are drawn: the config's section mars.evaluation, or another with these."""

    @property
    def new_tokens(self) -> int:
        """Longest answer."""

    @property
    def temperature(self) -> float:
        """0 is greedy."""

    @property
    def in_step(self) -> bool:
        """Whether FACE and BODY tokens come in pairs alone."""


class InStep(LogitsProcessor):
    """Lets FACE and BODY tokens come in pairs alone: after a FACE a BODY, and a BODY nowhere else.

    Args:
        kinds: position in KINDS of each token of the vocabulary, [vocabulary].
        longest: tokens at which generation ends; the last of them does not begin a pair.
    """

    def __init__(self, kinds: torch.Tensor, longest: int) -> None:
        self.face, self.body = kinds == KINDS.index("face"), kinds == KINDS.index("body")
        self.longest = longest

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores [batch, vocabulary] of the next token after input_ids [batch, tokens]; -inf where it may not come."""
        after_face = self.face[input_ids[:, -1]][:, None]
        begins = self.face if input_ids.shape[1] + 1 >= self.longest else torch.zeros_like(self.face)
        return scores.masked_fill(torch.where(after_face, ~self.body, self.body | begins), -torch.inf)


def continue_prompts(
    model: PreTrainedModel, tokenizer: AnyTokenizer, prompts: Sequence[list[int]], settings: Decoding
) -> list[list[int]]:
    """New ids after each prompt, to the end mark (included) or `new_tokens`."""
    steps = stream_answers(model, tokenizer, prompts, settings)
    return [until_end(list(ids), tokenizer.eos_token_id) for ids in zip(*steps, strict=True)]


def stream_answers(
    model: PreTrainedModel, tokenizer: AnyTokenizer, prompts: Sequence[list[int]], settings: Decoding
) -> Iterator[list[int]]:
    """The next token of each prompt's answer, step by step as they are made; what follows an end mark is padding.

    Generation runs in a thread of its own, and ends when the iterator is closed.
    """
    steps: Steps = SimpleQueue()
    closed = Event()

    def run() -> None:
        try:
            _generate(model, tokenizer, prompts, settings, steps, closed)
        except Exception as error:
            steps.put(error)
        else:
            steps.put(None)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while (step := steps.get()) is not None:
            if isinstance(step, Exception):
                raise step
            yield step
    finally:
        closed.set()
        thread.join()


class _Streamer(BaseStreamer):
    """Puts the tokens of each step into a queue, but not the prompts, which come first."""

    def __init__(self, steps: Steps) -> None:
        self.steps, self.begun = steps, False

    def put(self, value: torch.Tensor) -> None:
        if self.begun:
            self.steps.put(value.tolist())
        self.begun = True

    def end(self) -> None:
        """The queue's end is put there when all else is done."""


@torch.inference_mode()
def _generate(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    prompts: Sequence[list[int]],
    settings: Decoding,
    steps: Steps,
    closed: Event,
) -> None:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[tokenizer.pad_token_id] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    # A configuration of our own: the one in a hub model's folder would add its top-k and top-p.
    model.generation_config = GenerationConfig(
        max_new_tokens=settings.new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **({"do_sample": True, "temperature": settings.temperature, "top_k": 0} if settings.temperature else {}),
    )
    processors = LogitsProcessorList()
    if settings.in_step:
        kinds = token_kinds(tokenizer, model.config.vocab_size).to(model.device)
        processors.append(InStep(kinds, longest + settings.new_tokens))
    stop = StoppingCriteriaList(
        [lambda made, *_, **__: made.new_full(made.shape[:1], closed.is_set(), dtype=torch.bool)]
    )
    model.generate(  # type: ignore[operator]
        ids.to(model.device),
        attention_mask=mask.to(model.device),
        logits_processor=processors,
        stopping_criteria=stop,
        streamer=_Streamer(steps),
    )


def until_end(ids: list[int], end: int) -> list[int]:
    """Ids up to and with the first end mark."""
    return ids[: ids.index(end) + 1] if end in ids else ids
