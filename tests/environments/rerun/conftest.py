"""The clip that the other views are tested on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "views"))

from views_cases import complete, results

__all__ = ["complete", "results"]
