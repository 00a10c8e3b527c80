"""Tests here see the clip of views_cases.py."""

from views_cases import anny, complete, results

__all__ = ["anny", "complete", "results"]
