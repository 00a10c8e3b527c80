"""Tests here see the clip of views_cases.py."""

from views_cases import anny, complete, figures, results

__all__ = ["anny", "complete", "figures", "results"]
