"""Table 2: what the dataset holds."""

import json
from pathlib import Path

from nonverbal.paper.comparison import Comparison, published
from nonverbal.paper.stand_ins import notes

LABELS = {
    "channels": "channels",
    "videos": "videos",
    "nonverbal_expressions": "nonverbal expressions",
    "dialogues": "dialogues",
    "turns": "turns",
    "sentences": "sentences",
    "unique_words": "unique words",
    "mean_turns_per_dialogue": "turns a dialogue, mean",
    "mean_utterance_words": "words an utterance, mean",
    "mean_utterance_seconds": "length of an utterance, mean",
    "mean_frames_per_utterance": "frames an utterance, mean",
}


def table2(statistics: Path, published_csv: Path, backends: dict[str, str], csv: Path, md: Path, tex: Path) -> None:
    """Write table 2.

    Args:
        statistics: statistics.json of the dataset.
        published_csv: the paper's numbers.
        backends: step -> backend; stand-ins are named below the table.
        csv, md, tex: files to write.
    """
    counts = json.loads(statistics.read_text())
    empty = counts["turns"] == 0  # a mean over nothing is not 0
    Comparison(
        name="statistics",
        title="Table 2. What the dataset holds",
        heads=("dataset", ""),
        labels=LABELS,
        paper=published(published_csv),
        ours={("VENUS", "", name): None if empty and "mean" in name else counts[name] for name in LABELS},
        notes=notes(backends),
    ).write(csv, md, tex)
