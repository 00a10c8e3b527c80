"""How probable a model finds the answers, token by token."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel

from nonverbal.mars.encode import IGNORED, KINDS, Encoded
from nonverbal.mars.packing import alone, collate
from nonverbal.progress import track

MOTION_KINDS = ("face", "body")


@torch.inference_mode()
def token_likelihood(
    model: PreTrainedModel, records: Sequence[Encoded], kinds: torch.Tensor, batch: int, label: str
) -> pd.DataFrame:
    """One row a token of the answers: its record's position, its kind, nll, and nll_given_kind, in nats.

    nll is over the whole vocabulary, as the paper's NLL-F and NLL-B. nll_given_kind is over the tokens of the same kind
    only: what is comparable with ln K and with a unigram over a codebook, which are both told the kind.

    Args:
        kinds: position in KINDS of each token of the vocabulary, [vocabulary].
        batch: records at once; those of like length go together.
    """
    model.eval()
    order = sorted(range(len(records)), key=lambda i: len(records[i].ids))
    starts = range(0, len(order), batch)
    parts = [_batch_likelihood(model, records, order[s : s + batch], kinds) for s in track(starts, label)]
    return pd.concat(parts, ignore_index=True)


def _batch_likelihood(
    model: PreTrainedModel, records: Sequence[Encoded], chosen: Sequence[int], kinds: torch.Tensor
) -> pd.DataFrame:
    batch = collate(alone([records[i] for i in chosen]), pad=0)
    inputs = {name: tensor.to(model.device) for name, tensor in batch.items()}
    labels = inputs.pop("labels")[:, 1:]
    counted = labels != IGNORED
    logits = model(**inputs, use_cache=False).logits[:, :-1][counted].float()
    targets, kinds = labels[counted], kinds.to(model.device)
    kind = kinds[targets]
    found = logits.gather(1, targets[:, None]).squeeze(1)
    same_kind = logits.masked_fill(kinds[None, :] != kind[:, None], -torch.inf)
    return pd.DataFrame(
        {
            "record": np.array(chosen)[counted.nonzero()[:, 0].cpu().numpy()],
            "kind": [KINDS[i] for i in kind.tolist()],
            "nll": (logits.logsumexp(1) - found).double().cpu().numpy(),
            "nll_given_kind": (same_kind.logsumexp(1) - found).double().cpu().numpy(),
        }
    )


def summary(tokens: pd.DataFrame) -> dict[str, float | None]:
    """Means of `token_likelihood`'s table: perplexities and NLLs by kind; null where there is no such token."""
    from math import exp

    groups = {"all": tokens} | {kind: tokens[tokens["kind"] == kind] for kind in ("text", *MOTION_KINDS)}
    nll = {name: float(rows["nll"].mean()) if len(rows) else None for name, rows in groups.items()}
    result: dict[str, float | None] = {f"nll_{name}": value for name, value in nll.items()}
    result |= {f"ppl_{name}": None if value is None else exp(value) for name, value in nll.items()}
    for kind in MOTION_KINDS:
        rows = groups[kind]
        result[f"nll_{kind}_given_kind"] = float(rows["nll_given_kind"].mean()) if len(rows) else None
    return result
