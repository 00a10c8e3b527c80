"""Table 1: the dataset beside others."""

import json
from pathlib import Path

from nonverbal.paper.comparison import Comparison, published
from nonverbal.paper.stand_ins import notes

LABELS = {
    "dialogues": "dialogues", "turns": "turns", "hours": "hours", "text": "text", "video": "video",
    "nonverbal": "3D nonverbal cues",
}  # fmt: skip
VENUS = ("VENUS (Kim et al. 2025)", "conversation")


def table1(
    statistics: Path, published_csv: Path, length_s: float, backends: dict[str, str], csv: Path, md: Path, tex: Path
) -> None:
    """Write table 1.

    Args:
        statistics: statistics.json of the dataset.
        published_csv: the paper's numbers.
        length_s: seconds a clip; hours are clips x length, as the published 14,910 are.
        backends: step -> backend; stand-ins are named below the table.
        csv, md, tex: files to write.
    """
    counts = json.loads(statistics.read_text())
    values = {
        "dialogues": counts["dialogues"],
        "turns": counts["turns"],
        "hours": counts["dialogues"] * length_s / 3600,
        "text": counts["unique_words"] > 0,
        "video": counts["videos"] > 0,
        "nonverbal": counts["nonverbal_expressions"] > 0,
    }
    Comparison(
        name="datasets",
        title="Table 1. The dataset beside others; ours is this run's VENUS",
        heads=("dataset", "kind"),
        labels=LABELS,
        paper=published(published_csv),
        ours={(*VENUS, name): float(value) for name, value in values.items()},
        notes=notes(backends),
    ).write(csv, md, tex)
