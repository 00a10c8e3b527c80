"""Table 3: what the face and body tokenizers lose."""

import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from nonverbal.paper.comparison import Comparison, Key, published
from nonverbal.paper.stand_ins import notes

# As in the paper -> in evaluate_tokenizer's results: the released code's forms, which table 3's magnitudes fit.
CODED = {
    "vmse": "vmse_coded", "lvd": "lvd_coded", "wvl2": "wvl2_coded",
    "diversity": "diversity_coded", "variation": "variance",
}  # fmt: skip
# The paper's formulas, and what it does not publish.
OWN = {
    "vmse_formula": "vmse_paper", "lvd_formula": "lvd_paper", "wvl2_formula": "wvl2_paper",
    "diversity_formula": "diversity_paper", "mse": "mse", "frechet": "frechet",
}  # fmt: skip
CODEBOOK = {"utilisation": "utilisation", "perplexity": "perplexity", "bits": "bits_s"}
NAMES = {
    "vmse": "VMSE", "lvd": "LVD", "wvl2": "w-VL2", "diversity": "diversity", "variation": "variation",
    "vmse_formula": "VMSE by the paper's formula (m^2)", "lvd_formula": "LVD by the paper's formula (m)",
    "wvl2_formula": "w-VL2 by the paper's formula (m^2)", "diversity_formula": "diversity by the paper's formula",
    "mse": "squared error of parameters", "frechet": "Fréchet distance of parameters",
    "utilisation": "share of codes in use", "perplexity": "perplexity of codes",
    "bits": "bits a second",
}  # fmt: skip
LABELS = {f"{part}_{metric}": f"{part} {name}" for part in ("face", "body") for metric, name in NAMES.items()}
OURS = ("Ours", "ours")
CONSTANT = ("mean frame", "constant")
REFERENCE = ("GT", "reference")
FORMS = (
    "VMSE, LVD, w-VL2, diversity and variation are as the released code computes them, which the published magnitudes "
    "fit; ours is given by the paper's formulas too. VMSE as computed there grows with the number of vertices: compare "
    "it between rows of one mesh alone."
)
RATES = (
    "Bits a second are what a row's tokens cost: codebooks x log2 of their size x tokens a second. A row that spends "
    "more may lose less: compare errors between rows of one rate."
)
NO_ERROR = ("diversity", "variation", "diversity_formula")  # what the truth itself has


def table3(
    face: list[Path], body: list[Path], published_csv: Path, rows: dict[str, dict[str, Any]],
    trained: dict[str, dict[str, str]], backends: dict[str, str], csv: Path, md: Path, tex: Path,
) -> None:  # fmt: skip
    """Write table 3.

    Args:
        face, body: what evaluate_tokenizer measured, of each row and seed.
        published_csv: the paper's numbers.
        rows: the rows beside ours -> their label and group.
        trained: part -> row -> the row that it shares its training with, or itself.
        backends: step -> backend; stand-ins are named below the table.
        csv, md, tex: files to write.
    """
    results = {part: read(paths) for part, paths in (("face", face), ("body", body))}
    names = {"ours": OURS} | {row: (one["label"], one["group"]) for row, one in rows.items()}
    means: dict[Key, float | None] = {}
    deviations: dict[Key, float] = {}
    for part, of in results.items():
        first = of["ours"][0]
        means |= scores(REFERENCE, part, first["reference"], {key: OWN.get(key, CODED.get(key)) for key in NO_ERROR})
        means |= scores(CONSTANT, part, first["constant_mean"], CODED | OWN)
        for row, shared in trained[part].items():
            found = [
                scores(names[row], part, one["model"], CODED | OWN)
                | scores(names[row], part, one["codebook"], CODEBOOK)
                for one in of[shared]
            ]
            means |= {key: mean([one[key] for one in found]) for key in found[0]}
            if len(found) > 1:
                deviations |= {key: stdev([one[key] for one in found]) for key in found[0] if means[key] is not None}
    Comparison(
        name="tokenizers",
        title="Table 3. What the face and body tokenizers lose",
        heads=("row", "group"),
        labels=LABELS,
        paper=published(published_csv),
        ours=means,
        notes=[
            FORMS,
            RATES,
            *(f"The {part} of ours is measured {_where(of['ours'][0])}." for part, of in results.items()),
            *(f"Of the {part}, {said}." for part, of in results.items() if (said := _runs(of))),
            *notes(backends),
        ],
        panels=[[f"{part}_{metric}" for metric in metrics] for metrics in (CODED, OWN | CODEBOOK) for part in results],
        deviations=deviations,
    ).write(csv, md, tex)


def read(paths: list[Path]) -> dict[str, list[dict[str, Any]]]:
    """Results by row, in the order of their seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for result in sorted((json.loads(path.read_text()) for path in paths), key=lambda one: one["repeat"]):
        found.setdefault(result["row"], []).append(result)
    return found


def scores(name: tuple[str, str], part: str, values: dict[str, Any], metrics: dict[str, Any]) -> dict[Key, Any]:
    """(row, group, metric) -> number, None where it could not be had."""
    return {(*name, f"{part}_{metric}"): values.get(key) for metric, key in metrics.items()}


def mean(values: list[float | None]) -> float | None:
    """Mean, None where one is not there."""
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _where(result: dict[str, Any]) -> str:
    return f"on {result['frames']:,} frames of the {result['split']} split, on this mesh: {result['mesh']}"


def _runs(results: dict[str, list[dict[str, Any]]]) -> str:
    count = len(results["ours"])
    return f"ours are means ± standard deviations of {count} trainings with seeds of their own" if count > 1 else ""
