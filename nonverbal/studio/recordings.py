"""The recordings that stage studio works on."""

from pathlib import Path
from typing import Any

from nonverbal.schema import read_rows


def recordings(sides: Path) -> dict[str, dict[str, Any]]:
    """The kept rows of table `sides`, by clip."""
    return {row["clip_id"]: row for row in read_rows(sides, "sides") if row["kept"]}
