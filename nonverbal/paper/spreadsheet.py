"""Text from elsewhere in tables that people open in a spreadsheet."""

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t")  # with one of these first, a spreadsheet calculates a cell (OWASP)


def inert(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before each text that a spreadsheet would take for a formula; numbers stay.

    A carriage return, which would begin a row, is a space.
    """
    return table.map(lambda cell: _inert(cell) if isinstance(cell, str) else cell)


def _inert(text: str) -> str:
    line = text.replace("\r", " ")
    if not line.lstrip(" ").startswith(FORMULA):
        return line
    try:
        float(line)
    except ValueError:
        return f"'{line}"
    return line
