"""Metrics of generated words against spoken ones; those whose data or model is absent say so instead of a number."""

import importlib.util
import re
from collections.abc import Callable, Sequence

import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from nonverbal.errors import UserError
from nonverbal.mars.hub import from_hub
from nonverbal.mars.saved import device
from nonverbal.mars.settings import BertScore

Metric = Callable[[Sequence[str], Sequence[str]], float]


class NotAvailable(Exception):
    """A metric cannot be computed here; the message is one sentence that says what it needs."""


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def distinct(texts: Sequence[str], n: int) -> float | None:
    """Different n-grams over all n-grams of the texts (Li et al. 2016); null where there are none."""
    tokens = [words(text) for text in texts]
    grams = [tuple(line[i : i + n]) for line in tokens for i in range(len(line) - n + 1)]
    return len(set(grams)) / len(grams) if grams else None


def load_meteor() -> Metric:
    """Mean METEOR (Banerjee and Lavie 2005), as in NLTK, which needs the WordNet corpus.

    Raises:
        NotAvailable: without NLTK or WordNet.
    """
    if importlib.util.find_spec("nltk") is None:
        raise NotAvailable("METEOR needs the package nltk and its WordNet corpus")
    from nltk.corpus import wordnet
    from nltk.translate.meteor_score import meteor_score

    try:
        wordnet.ensure_loaded()
    except LookupError:
        raise NotAvailable("METEOR needs the WordNet corpus of nltk: python -m nltk.downloader wordnet") from None

    def meteor(candidates: Sequence[str], references: Sequence[str]) -> float:
        pairs = zip(candidates, references, strict=True)
        return sum(meteor_score([words(said)], words(answer)) for answer, said in pairs) / len(candidates)

    return meteor


def load_bertscore(settings: BertScore, batch: int) -> Metric:
    """Mean F1 of BERTScore (Zhang et al. 2020), not rescaled, no idf; so many texts are embedded at once.

    Raises:
        NotAvailable: the encoder cannot be had.
    """
    key = "mars.evaluation.bertscore.name"
    try:
        tokenizer = from_hub(AutoTokenizer.from_pretrained, settings.name, settings.revision, key)
        encoder = from_hub(AutoModel.from_pretrained, settings.name, settings.revision, key)
    except UserError as error:
        raise NotAvailable(f"BERTScore needs an encoder: {error}") from None
    encoder = encoder.to(device()).eval()

    def bertscore(candidates: Sequence[str], references: Sequence[str]) -> float:
        pairs = [
            (one, other) for one, other in zip(candidates, references, strict=True) if one.strip() and other.strip()
        ]
        total = 0.0
        for at in range(0, len(pairs), batch):
            sides = zip(*pairs[at : at + batch], strict=True)
            some = [embed(list(texts), encoder, tokenizer, settings.layer) for texts in sides]
            total += sum(f1(*pair) for pair in zip(*some, strict=True))
        return total / len(candidates)  # no words at all: 0

    return bertscore


@torch.inference_mode()
def embed(
    texts: list[str], encoder: PreTrainedModel, tokenizer: AnyTokenizer, layer: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Of each text unit vectors [tokens, width] and which of them are words rather than marks, bool [tokens]."""
    limit = encoder.config.max_position_embeddings - 2  # RoBERTa keeps two positions for itself
    inputs = tokenizer(
        texts, truncation=True, max_length=limit, padding=True, return_tensors="pt", return_special_tokens_mask=True
    )
    marks = inputs.pop("special_tokens_mask").bool()
    states = encoder(**inputs.to(encoder.device), output_hidden_states=True).hidden_states[layer].float().cpu()
    vectors = torch.nn.functional.normalize(states, dim=-1)
    own = inputs["attention_mask"].bool().cpu()
    return [(one[mask], ~mark[mask]) for one, mark, mask in zip(vectors, marks, own, strict=True)]


def f1(candidate: tuple[torch.Tensor, torch.Tensor], reference: tuple[torch.Tensor, torch.Tensor]) -> float:
    """Greedy matching by cosine; marks may be matched but do not count."""
    similarity = candidate[0] @ reference[0].T
    precision = similarity.max(dim=1).values[candidate[1]].mean()
    recall = similarity.max(dim=0).values[reference[1]].mean()
    return float(2 * precision * recall / (precision + recall))
