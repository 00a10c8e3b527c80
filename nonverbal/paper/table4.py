"""Table 4: how well MARS predicts and answers."""

import json
from pathlib import Path

from nonverbal.paper.comparison import Comparison, Key, published
from nonverbal.paper.stand_ins import notes

LABELS = {
    "ppl": "perplexity",
    "bertscore": "BERTScore F1",
    "meteor": "METEOR",
    "nll_face": "NLL-F",
    "nll_body": "NLL-B",
}
MEASURED = {
    "ppl": "ppl_all",
    "bertscore": "bertscore_f1",
    "meteor": "meteor",
    "nll_face": "nll_face",
    "nll_body": "nll_body",
}
SETTINGS = {
    "zero_shot": "zero-shot",
    "trained": "MARS",
    "trained_without_context_motion": "MARS, context without motion",
}
MODELS = {
    "tiny": "LLaMA 3.2 1B",  # the paper's smallest, which it stands in for
    "Llama-3.2-1B-Instruct": "LLaMA 3.2 1B",
    "Llama-3.2-3B-Instruct": "LLaMA 3.2 3B",
    "Qwen2.5-1.5B-Instruct": "Qwen 2.5 1.5B",
    "Qwen2.5-3B-Instruct": "Qwen 2.5 3B",
}
BASELINES = {"uniform": "uniform guess of a code", "unigram": "code frequencies of the training answers"}


def table4(
    metrics: Path, published_csv: Path, base: str, backends: dict[str, str], csv: Path, md: Path, tex: Path
) -> None:
    """Write table 4.

    Args:
        metrics: metrics.json of evaluate_mars.
        published_csv: the paper's numbers.
        base: name of the base model, as the config has it.
        backends: step -> backend; stand-ins are named below the table.
        csv, md, tex: files to write.
    """
    result = json.loads(metrics.read_text())
    missing = [f"Ours has no {name}: {reason.rstrip('.')}." for name, reason in result["not_available"].items()]
    count, guess = result["codes"]["face"], result["uniform"]["nll_face"]
    paper = published(published_csv)
    best = paper.loc[paper["metric"] == "nll_face", "value"].min()
    uniform = f"A uniform guess over {count} face codes has an NLL-F of {guess:.3f}; the lowest published is {best:g}."
    Comparison(
        name="mars",
        title="Table 4. MARS against its base model",
        heads=("model", "setting"),
        labels=LABELS,
        paper=paper,
        ours=measured(result, MODELS.get(base, base)),
        notes=[*notes(backends), *missing, uniform],
    ).write(csv, md, tex)


def measured(result: dict, model: str) -> dict[Key, float | None]:
    """(model, setting, metric) -> number, of each setting and of the baselines, which have NLLs alone."""
    ours: dict[Key, float | None] = {}
    for setting, label in SETTINGS.items():
        scores = result["settings"][setting]
        ours |= {(model, label, metric): scores.get(key) for metric, key in MEASURED.items()}
    for baseline, label in BASELINES.items():
        ours |= {(model, label, metric): result[baseline][metric] for metric in ("nll_face", "nll_body")}
    return ours
