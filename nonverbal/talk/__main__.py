"""python -m nonverbal.talk RESULTS "SENTENCE" OUT.mp4: see docs/talk.md."""

import argparse
import logging
import sys
from pathlib import Path

from nonverbal.errors import UserError
from nonverbal.talk.talk import talk


def main(arguments: list[str]) -> None:
    """Let MARS answer a sentence.

    Raises:
        UserError: there is no trained MARS, or it cannot answer that.
    """
    parser = argparse.ArgumentParser(
        prog="python -m nonverbal.talk", description="A sentence in; the words, face and body of the trained MARS out."
    )
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("said", nargs="+", help="your sentence; or a conversation, yours and MARS's turns, yours last")
    parser.add_argument("out", type=Path, help="video to write, .mp4")
    parser.add_argument("--temperature", type=float, default=0.0, help="0, the default, is greedy")
    parser.add_argument("--seed", type=int, default=0, help="of the draws, where the temperature is not 0")
    parser.add_argument("--new-tokens", type=int, help="longest answer; by default a quarter of what the model reads")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that FLAME or SMPL-X may lie in")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    talk(given.results, given.said, given.out, given.temperature, given.seed, given.new_tokens, given.models, show)
    sys.stdout.write(f"{given.out}\n")


def show(piece: str) -> None:
    """Print a piece of the answer at once."""
    sys.stdout.write(piece)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
