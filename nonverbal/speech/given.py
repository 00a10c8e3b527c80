"""What stage studio has measured by channel is taken as it is."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nonverbal.schema import read_table


def given(files: Sequence[Path], names: tuple[str, str]) -> dict[str, dict[str, pd.DataFrame]]:
    """Tables by clip and name, of the clips that need no other measuring.

    Args:
        files: two tables, or none.
        names: what they are; the second has one row a clip.
    """
    tables = {name: read_table(file, name) for name, file in zip(names, files, strict=bool(files))}
    clips: list[str] = tables[names[1]]["clip_id"].tolist() if tables else []
    return {clip_id: {name: table[table["clip_id"] == clip_id] for name, table in tables.items()} for clip_id in clips}
