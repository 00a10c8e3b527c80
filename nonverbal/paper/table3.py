"""Table 3: what the face and body tokenizers lose."""

import json
from pathlib import Path
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
CODEBOOK = {"utilisation": "utilisation", "perplexity": "perplexity"}
NAMES = {
    "vmse": "VMSE", "lvd": "LVD", "wvl2": "w-VL2", "diversity": "diversity", "variation": "variation",
    "vmse_formula": "VMSE by the paper's formula (m^2)", "lvd_formula": "LVD by the paper's formula (m)",
    "wvl2_formula": "w-VL2 by the paper's formula (m^2)", "diversity_formula": "diversity by the paper's formula",
    "mse": "squared error of parameters", "frechet": "Fréchet distance of parameters",
    "utilisation": "share of codes in use", "perplexity": "perplexity of codes",
}  # fmt: skip
LABELS = {f"{part}_{metric}": f"{part} {name}" for part in ("face", "body") for metric, name in NAMES.items()}
ROWS = {"reference": ("GT", "reference"), "model": ("Ours", "ours"), "constant_mean": ("mean frame", "constant")}
FORMS = (
    "VMSE, LVD, w-VL2, diversity and variation are as the released code computes them, which the published magnitudes "
    "fit; ours is given by the paper's formulas too. VMSE as computed there grows with the number of vertices: compare "
    "it between rows of one mesh alone."
)
NO_ERROR = {"diversity", "variation", "diversity_formula"}  # what the truth itself has


def table3(
    face: Path, body: Path, published_csv: Path, backends: dict[str, str], csv: Path, md: Path, tex: Path
) -> None:
    """Write table 3.

    Args:
        face, body: what evaluate_tokenizer measured.
        published_csv: the paper's numbers.
        backends: step -> backend; stand-ins are named below the table.
        csv, md, tex: files to write.
    """
    results = {part: json.loads(path.read_text()) for part, path in (("face", face), ("body", body))}
    Comparison(
        name="tokenizers",
        title="Table 3. What the face and body tokenizers lose",
        heads=("row", "group"),
        labels=LABELS,
        paper=published(published_csv),
        ours={key: value for part, result in results.items() for key, value in measured(part, result).items()},
        notes=[
            FORMS,
            *(f"The {part} of ours is measured {_where(result)}." for part, result in results.items()),
            *notes(backends),
        ],
        panels=[[f"{part}_{metric}" for metric in metrics] for metrics in (CODED, OWN | CODEBOOK) for part in results],
    ).write(csv, md, tex)


def measured(part: str, result: dict[str, Any]) -> dict[Key, float | None]:
    """(row, group, metric) -> number of the truth, of our tokenizer, and of a constant in its place."""
    ours: dict[Key, float | None] = {}
    for source, row in ROWS.items():
        metrics = CODED | OWN
        if source == "reference":
            metrics = {metric: key for metric, key in metrics.items() if metric in NO_ERROR}
        ours |= {(*row, f"{part}_{metric}"): result[source].get(key) for metric, key in metrics.items()}
    return ours | {(*ROWS["model"], f"{part}_{metric}"): result["codebook"][key] for metric, key in CODEBOOK.items()}


def _where(result: dict[str, Any]) -> str:
    return f"on {result['frames']:,} frames of the {result['split']} split, on this mesh: {result['mesh']}"
