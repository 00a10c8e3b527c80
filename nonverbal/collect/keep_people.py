"""F1 decide: keep the videos whose thumbnail shows people."""

from pathlib import Path
from typing import Any

from nonverbal.collect.settings import KeepPeople
from nonverbal.schema import read_rows, write_table


def keep_people(thumbnails: Path, keep_people: Path, settings: KeepPeople) -> None:
    """Apply the thresholds to each thumbnail's scores.

    Args:
        thumbnails: table of scores.
        keep_people: table to write, one row a video.
        settings: people a thumbnail must show, and the score of the best.
    """
    rows = read_rows(thumbnails, "thumbnails")
    write_table(keep_people, "keep_people", [{"video_id": row["video_id"]} | decide(row, settings) for row in rows])


def decide(row: dict[str, Any], settings: KeepPeople) -> dict[str, Any]:
    """Kept, reason and detail for one `thumbnails` row."""
    if settings.people == 0:
        return {"kept": True, "reason": "", "detail": "the filter is turned off"}
    if row["error"]:
        return {"kept": False, "reason": "no_thumbnail", "detail": row["error"]}
    seen = f"{row['people']} faces in the thumbnail, best score {row['best_score']:.2f}"
    if row["people"] < settings.people:
        return {"kept": False, "reason": "no_people", "detail": f"{seen}; wanted {settings.people}"}
    if row["best_score"] < settings.score:
        return {"kept": False, "reason": "no_people", "detail": f"{seen}; wanted a score of {settings.score}"}
    return {"kept": True, "reason": "", "detail": seen}
