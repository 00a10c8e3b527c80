"""Table 4: how well MARS predicts and answers."""

import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from nonverbal.paper.comparison import Comparison, Key, published
from nonverbal.paper.stand_ins import notes

# As in the paper -> in the results of stage mars.
PUBLISHED = {
    "ppl": "ppl_all", "bertscore": "bertscore_f1", "meteor": "meteor", "nll_face": "nll_face", "nll_body": "nll_body",
}  # fmt: skip
OWN = {
    "nll_face_given_kind": "nll_face_given_kind", "nll_body_given_kind": "nll_body_given_kind",
    "ppl_text": "ppl_text", "ppl_face": "ppl_face", "ppl_body": "ppl_body",
    "distinct_1": "distinct_1", "distinct_2": "distinct_2",
}  # fmt: skip
# Of decoded motion, which the paper does not give.
MOTION = {
    "face_frechet": "face: Fréchet distance", "face_diversity": "face: diversity", "face_variance": "face: variance",
    "body_frechet": "body: Fréchet distance", "body_diversity": "body: diversity", "body_variance": "body: variance",
    "beat_alignment": "beat alignment", "beat_alignment_chance": "beat alignment by chance",
}  # fmt: skip
LABELS = {
    "ppl": "perplexity", "bertscore": "BERTScore F1", "meteor": "METEOR", "nll_face": "NLL-F", "nll_body": "NLL-B",
    "ppl_text": "perplexity of text", "ppl_face": "perplexity of FACE", "ppl_body": "perplexity of BODY",
    "nll_face_given_kind": "NLL-F among FACE codes", "nll_body_given_kind": "NLL-B among BODY codes",
    "distinct_1": "distinct-1", "distinct_2": "distinct-2", **MOTION,
}  # fmt: skip
SETTINGS = {
    "zero_shot": "zero-shot",
    "trained": "MARS",
    "trained_without_context_motion": "MARS, context without motion",
}
TRUTH = {"true": "true answers", "true_decoded": "true answers, through the tokenizers"}
ROWS = {
    "ours": "MARS",
    "no_context_motion": "trained without nonverbal context",
    "text_only": "trained on text only",
    "shuffled_motion": "trained on shuffled motion",
    "other_motion": "trained on motion of other turns",
}
MODELS = {
    "tiny": "LLaMA 3.2 1B",  # the paper's smallest, which it stands in for
    "Llama-3.2-1B-Instruct": "LLaMA 3.2 1B",
    "Llama-3.2-3B-Instruct": "LLaMA 3.2 3B",
    "Qwen2.5-1.5B-Instruct": "Qwen 2.5 1.5B",
    "Qwen2.5-3B-Instruct": "Qwen 2.5 3B",
}
BASELINES = {"uniform": "uniform guess of a code", "unigram": "code frequencies of the training answers"}
MOVED = (
    "Motion is that of the decoded codes of generated answers beside the recorded motion of the true ones: frames' "
    "Fréchet distance to these, and diversity and variance as in table 3; beat alignment is between 0 and 1, and by "
    "chance is that of as many beats at random times."
)
PARTS = {"face": "NLL-F", "body": "NLL-B"}


def table4(
    metrics: Path, motion: Path, ablations: list[Path], published_csv: Path, base: str, backends: dict[str, str],
    csv: Path, md: Path, tex: Path,
) -> None:  # fmt: skip
    """Write table 4.

    Args:
        metrics: metrics.json of evaluate_mars.
        motion: metrics.json of evaluate_motion.
        ablations: what evaluate_ablation measured, of each row and seed.
        published_csv: the paper's numbers.
        base: name of the base model, as the config has it.
        backends: step -> backend; stand-ins are named below the table.
        csv, md, tex: files to write.
    """
    result, trained = json.loads(metrics.read_text()), read(ablations)
    model = MODELS.get(base, base)
    means, deviations = over_seeds(trained, model)
    Comparison(
        name="mars",
        title="Table 4. MARS against its base model",
        heads=("model", "setting"),
        labels=LABELS,
        paper=(paper := published(published_csv)),
        ours=measured(result, model) | means | moved(json.loads(motion.read_text()), model),
        notes=[
            *notes(backends),
            *missing(result),
            uniform(result, paper),
            *wins(result, trained),
            *seeds(trained),
            MOVED,
        ],
        panels=[[*PUBLISHED], [*OWN], [*MOTION]],
        deviations=deviations,
    ).write(csv, md, tex)


def read(paths: list[Path]) -> dict[str, list[dict[str, Any]]]:
    """Results by row, in the order of their seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for result in sorted((json.loads(path.read_text()) for path in paths), key=lambda one: one["repeat"]):
        found.setdefault(result["row"], []).append(result)
    return found


def measured(result: dict, model: str) -> dict[Key, float | None]:
    """(model, setting, metric) -> number, of each setting and of the baselines, which have NLLs alone."""
    ours: dict[Key, float | None] = {}
    for setting, label in SETTINGS.items():
        scores = result["settings"][setting]
        ours |= {(model, label, metric): scores[key] for metric, key in (PUBLISHED | OWN).items() if key in scores}
    for baseline, label in BASELINES.items():
        for part in PARTS:  # told the kind: to be compared with NLLs among the codes
            ours |= dict.fromkeys(
                ((model, label, f"nll_{part}{kind}") for kind in ("", "_given_kind")), result[baseline][f"nll_{part}"]
            )
    return ours


def moved(result: dict, model: str) -> dict[Key, float | None]:
    """(model, setting, metric) -> number of decoded motion."""
    names = TRUTH | SETTINGS
    return {
        (model, names[setting], metric): scores[metric]
        for setting, scores in result["settings"].items()
        for metric in MOTION
        if metric in scores
    }


def over_seeds(trained: dict[str, list[dict]], model: str) -> tuple[dict[Key, float | None], dict[Key, float]]:
    """Means of each row's trainings, and their standard deviations where there are several.

    What a row has no tokens of is left out.
    """
    means: dict[Key, float | None] = {}
    deviations: dict[Key, float] = {}
    for row, results in trained.items():
        for metric, key in (PUBLISHED | OWN).items():
            values = [one["scores"][key] for one in results if one["scores"].get(key) is not None]
            if values:
                means[model, ROWS[row], metric] = fmean(values)
            if len(values) > 1:
                deviations[model, ROWS[row], metric] = stdev(values)
    return means, deviations


def missing(result: dict) -> list[str]:
    """Why metrics are not available."""
    return [f"Ours has no {name}: {reason.rstrip('.')}." for name, reason in result["not_available"].items()]


def uniform(result: dict, paper: Any) -> str:  # noqa: ANN401 - a data frame
    """What a uniform guess costs beside the best published NLL."""
    count, guess = result["codes"]["face"], result["uniform"]["nll_face"]
    best = paper.loc[paper["metric"] == "nll_face", "value"].min()
    return f"A uniform guess over {count} face codes has an NLL-F of {guess:.3f}; the lowest published is {best:g}."


def wins(result: dict, trained: dict[str, list[dict]]) -> list[str]:
    """In how many trainings MARS is better than the code frequencies, and than each ablation with its seed."""
    names = {f"nll_{part}": name for part, name in PARTS.items()}
    names |= {f"nll_{part}_given_kind": LABELS[f"nll_{part}_given_kind"] for part in PARTS}
    said = []
    for key, name in names.items():
        ours = _nll(trained["ours"], key)
        rivals = {BASELINES["unigram"]: [result["unigram"][key.removesuffix("_given_kind")]] * len(ours)}
        rivals |= {ROWS[row]: _nll(results, key) for row, results in trained.items() if row != "ours"}
        counts = [
            f"{label} in {sum(a < b for a, b in zip(ours, theirs, strict=True))} of {len(ours)}"
            for label, theirs in rivals.items()
            if None not in (*ours, *theirs)
        ]
        if counts:
            said.append(f"{name}, trainings in which MARS is lower: than {', '.join(counts)}.")
    return said


def _nll(results: list[dict], key: str) -> list[float | None]:
    return [one["scores"][key] for one in results]


def seeds(trained: dict[str, list[dict]]) -> list[str]:
    """How many trainings there are, if several."""
    if (count := len(trained["ours"])) == 1:
        return []
    return [f"Perplexities and NLLs of trained models are means ± standard deviations of {count} trainings."]
