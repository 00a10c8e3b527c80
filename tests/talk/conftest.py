"""Tests here use the run of talk_cases.py."""

from talk_cases import run

__all__ = ["run"]
