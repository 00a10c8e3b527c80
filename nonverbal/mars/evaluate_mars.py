"""Table 4: how well MARS predicts and answers, before and after training (paper section 5)."""

import json
import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nonverbal.errors import UserError
from nonverbal.layouts import PARTS
from nonverbal.mars.ablate import silent_context
from nonverbal.mars.encode import KINDS, encode_all, read_records, sample_records, token_kinds
from nonverbal.mars.interleave import parse
from nonverbal.mars.likelihood import summary, token_likelihood
from nonverbal.mars.saved import check_tokenizers, load_saved
from nonverbal.mars.settings import Evaluation
from nonverbal.mars.text_metrics import Metric, NotAvailable, distinct, load_bertscore, load_meteor

log = logging.getLogger("nonverbal")
Codes = dict[str, list[int]]


def evaluate_mars(
    base: Path,
    model: Path,
    train: Path,
    test: Path,
    generated: Path,
    metrics: Path,
    settings: Evaluation,
    face_codes: int,
    body_codes: int,
    length: int,
    seed: int,
) -> None:
    """Write metrics.json: counts, uniform and unigram baselines, and the scores of each setting.

    Settings: zero_shot (the base model), trained, and trained_without_context_motion (the trained model, to which only
    the words of the context are shown). NLLs are means over tokens, in nats. A number that cannot be had is null, and
    `not_available` says why.

    Args:
        base, model: folders with model and tokenizer.
        train: records the unigram baseline is counted on.
        test: records, of which the same `settings.utterances` are drawn as for `generate`.
        generated: what `generate` wrote.
        face_codes, body_codes: sizes of the codebooks.
        length: longest sequence in tokens.

    Raises:
        UserError: there is no test record, or the two models have different tokenizers.
    """
    records = sample_records(test, settings.utterances, seed)
    if not records:
        raise UserError(
            f"there is nothing to score MARS on: {test} has no record; add videos, or raise dataset.split.test"
        )
    check_tokenizers(base, model)
    runs = {
        "zero_shot": (base, records),
        "trained": (model, records),
        "trained_without_context_motion": (model, [silent_context(record) for record in records]),
    }
    scores: dict[str, dict[str, Any]] = {}
    counts: dict[str, int] = {}
    for name, (folder, shown) in runs.items():
        scores[name], counts = likelihood_scores(folder, shown, length, settings.batch, name)
    texts, missing = text_scores(generated, settings)
    for name, values in texts.items():
        scores[name] |= values
    sizes = dict(zip(PARTS, (face_codes, body_codes), strict=True))
    result = {
        "records": len(records),
        "codes": sizes,
        "tokens": counts,
        "uniform": {f"nll_{part}": math.log(size) for part, size in sizes.items()},
        "unigram": unigram_baseline(read_records(train), records, sizes),
        "settings": scores,
        "not_available": missing,
    }
    metrics.write_text(json.dumps(result, indent=1) + "\n")
    report(result)


def likelihood_scores(
    folder: Path, records: Sequence[dict], length: int, batch: int, label: str
) -> tuple[dict[str, Any], dict[str, int]]:
    """Perplexities and NLLs of one model, in float32, and the number of answer tokens of each kind."""
    model, tokenizer = load_saved(folder)
    encoded = encode_all(records, tokenizer, length, label)
    if not encoded:
        raise UserError(f"no test answer fits into {length} tokens; raise config key mars.training.length")
    kinds = token_kinds(tokenizer, model.config.vocab_size)
    tokens = token_likelihood(model, encoded, kinds, batch, label)
    counts = {"all": len(tokens)} | {kind: int((tokens["kind"] == kind).sum()) for kind in KINDS}
    return {"records": len(encoded), **summary(tokens)}, counts


def answer_codes(records: Iterable[dict]) -> Codes:
    """All face and body codes of the answers, in order."""
    codes: Codes = {part: [] for part in PARTS}
    for record in records:
        line = parse(record["messages"][-1]["content"])
        codes["face"] += line.face
        codes["body"] += line.body
    return codes


def unigram_baseline(train: Iterable[dict], test: Iterable[dict], sizes: dict[str, int]) -> dict[str, float | None]:
    """NLL of test codes under the training answers' code frequencies, one added to each of the K counts."""
    seen, scored = answer_codes(train), answer_codes(test)
    return {f"nll_{part}": unigram_nll(seen[part], scored[part], size) for part, size in sizes.items()}


def unigram_nll(seen: Sequence[int], scored: Sequence[int], size: int) -> float | None:
    """Mean of -ln((count + 1) / (total + size)) over the scored codes; null where there are none."""
    counts, total = Counter(seen), len(seen) + size
    return sum(-math.log((counts[code] + 1) / total) for code in scored) / len(scored) if scored else None


def text_scores(generated: Path, settings: Evaluation) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Metrics of the generated words by setting, and why some are not available."""
    metrics: dict[str, Metric] = {}
    missing: dict[str, str] = {}
    for name, load in (
        ("meteor", load_meteor),
        ("bertscore_f1", lambda: load_bertscore(settings.bertscore, settings.batch)),
    ):
        try:
            metrics[name] = load()
        except NotAvailable as reason:
            missing[name] = str(reason)
    lines = [line for line in read_records(generated) if not line["left_out"]]
    scores: dict[str, dict[str, Any]] = {}
    for setting in dict.fromkeys(line["setting"] for line in lines):
        own = [line for line in lines if line["setting"] == setting]
        pairs = [line["answer"]["text"] for line in own], [line["reference"]["text"] for line in own]
        scores[setting] = {f"distinct_{n}": distinct(pairs[0], n) for n in (1, 2)}
        scores[setting] |= {name: metric(*pairs) for name, metric in metrics.items()}
        scores[setting] |= dict.fromkeys(missing)
        scores[setting]["finished"] = sum(line["finished"] for line in own) / len(own)
    return scores, missing


def report(result: dict[str, Any]) -> None:
    """Log NLL-F and NLL-B beside the baselines."""
    for part in PARTS:
        key = f"nll_{part}"
        rows = {"uniform": result["uniform"], "unigram": result["unigram"], **result["settings"]}
        known = ", ".join(f"{name} {row[key]:.3f}" for name, row in rows.items() if row[key] is not None)
        log.info("NLL of %s tokens: %s", part, known)
