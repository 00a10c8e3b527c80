"""What MARS answers to a sentence, token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import Drop, UserError
from nonverbal.mars.decoding import stream_answers
from nonverbal.mars.encode import Prompt, fit_prompts
from nonverbal.mars.interleave import SAFE, START_OF_TURN
from nonverbal.mars.saved import load_saved
from nonverbal.mars.sequences import Turn, messages

UNFINISHED = "\ufffd"  # what a decoder writes for the first bytes of a letter


@dataclass(frozen=True)
class Decoding:
    """How an answer is drawn; as config section mars.evaluation says it."""

    new_tokens: int
    temperature: float
    in_step: bool = True


class Mars:
    """A trained model.

    Args:
        folder: with model and tokenizer.

    Raises:
        UserError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"there is no trained MARS at {folder}: run `snakemake mars`, or `make demo`, first")
        self.network: PreTrainedModel
        self.tokenizer: AnyTokenizer
        self.network, self.tokenizer = load_saved(folder)
        self.length = int(self.network.config.max_position_embeddings)
        self.turn_marks = START_OF_TURN in self.tokenizer.get_vocab()

    def prompt(self, said: Sequence[str], new_tokens: int) -> list[int]:
        """Ids of a conversation that MARS is to go on with.

        Args:
            said: the user's turns and MARS's, in turn; the first and the last are the user's.
            new_tokens: room for the answer.

        Raises:
            UserError: a turn is empty, or they do not fit.
        """
        if not len(said) % 2:
            raise UserError("the last turn must be yours: write an odd number of sentences, yours and MARS's in turn")
        turns = [spoken(number, text) for number, text in enumerate(said)]
        answer = Turn(len(turns), 1, "", 0, 0, 0, harmful=False)
        room = self.length - new_tokens
        if room < 1:
            raise UserError(f"this MARS reads and writes {self.length} tokens in all; ask for fewer than that")
        (prompt,) = fit_prompts([messages(turns, answer, self.turn_marks)], self.tokenizer, [room])
        if isinstance(prompt, Drop):
            raise UserError(
                f"that is too long: {room} tokens are left for it, of the {self.length} that this MARS reads and "
                "writes; say less, or let it answer with fewer tokens"
            )
        assert isinstance(prompt, Prompt)
        return prompt.ids

    def answer(self, said: Sequence[str], decoding: Decoding, seed: int) -> Iterator[str]:
        """The answer's text, words and motion tokens, a piece at a time as it is made."""
        prompt = self.prompt(said, decoding.new_tokens)
        torch.manual_seed(seed)
        ids: list[int] = []
        written = ""
        for (token,) in stream_answers(self.network, self.tokenizer, [prompt], decoding):
            ids.append(token)
            text = str(self.tokenizer.decode(ids, skip_special_tokens=True))
            if not text.endswith(UNFINISHED) and text != written:
                yield text[len(written) :]
                written = text


def spoken(number: int, text: str) -> Turn:
    """A turn that was typed: it has words and no motion, and angle brackets in it become ‹ and ›.

    Raises:
        UserError: there is no word in it.
    """
    words = text.translate(SAFE).split()
    if not any(letter.isalnum() for word in words for letter in word):
        raise UserError(f"there is no word in {text!r}; write a sentence")
    return Turn(number, number % 2, " ".join(words), len(words), 0, 0, harmful=False)
