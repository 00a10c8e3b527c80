"""Where a number in a table comes from.

python -m nonverbal.provenance why results/paper/table3.csv:ours:face_vmse
"""

import argparse
import sys

from rich.console import Console
from rich.markup import escape

from nonverbal.errors import UserError
from nonverbal.provenance.why import Why


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nonverbal.provenance")
    commands = parser.add_subparsers(dest="command", required=True)
    why = commands.add_parser("why", help="the chain from a cell of a table to checkpoints, splits, videos, sources")
    why.add_argument("cell", metavar="TABLE.csv:ROW:COLUMN", help="as results/paper/table3.csv:ours:face_vmse")
    options = parser.parse_args()
    try:
        for line in Why(options.cell).lines():
            print(line)
    except UserError as error:
        Console(stderr=True).print(escape(str(error)), style="red", soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
