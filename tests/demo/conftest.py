"""Tests here see the run of truth_cases.py."""

from truth_cases import run

__all__ = ["run"]
