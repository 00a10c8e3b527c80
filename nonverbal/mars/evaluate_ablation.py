"""How probable one training of MARS, or of an ablation of it, finds the test answers."""

import json
from pathlib import Path

from nonverbal.mars.encode import sample_records
from nonverbal.mars.evaluate_mars import likelihood_scores
from nonverbal.mars.settings import Evaluation


def evaluate_ablation(
    row: str, repeat: str, model: Path, test: Path, metrics: Path, settings: Evaluation, length: int, seed: int
) -> None:
    """Write the likelihoods of the same test answers as `evaluate_mars` scores.

    Args:
        row, repeat: which records it was trained on, and which of the trainings it is.
        model: folder with model and tokenizer.
        test: records, shown as the row's model learnt to read them.
        metrics: JSON to write: row, repeat, tokens (counts) and scores, NLLs in nats a token; null where there is no
            such token.
        length: longest sequence in tokens.
        seed: draws the answers; the same for all rows and repeats.

    Raises:
        UserError: no test answer fits.
    """
    records = sample_records(test, settings.utterances, seed)
    scores, counts = likelihood_scores(model, records, length, settings.batch, f"{row} {repeat}")
    found = {"row": row, "repeat": int(repeat), "tokens": counts, "scores": scores}
    metrics.write_text(json.dumps(found, indent=1) + "\n")
