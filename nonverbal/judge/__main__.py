"""python -m nonverbal.judge RESULTS: the page that people judge on; see docs/judge.md."""

import argparse
import contextlib
import sys
from pathlib import Path

from nonverbal.errors import UserError
from nonverbal.judge.serve import Server
from nonverbal.judge.sitting import Sitting


def main(arguments: list[str]) -> None:
    """Serve the page until it is interrupted.

    Raises:
        UserError: nothing is drawn, or the port is taken.
    """
    parser = argparse.ArgumentParser(
        prog="python -m nonverbal.judge", description="Judge drawn units in a browser, without what was decided."
    )
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("--judgements", type=Path, default=Path("judgements"), help="config key judge.judgements")
    parser.add_argument("--port", type=int, default=8766, help="of 127.0.0.1")
    given = parser.parse_args(arguments)
    server = Server(Sitting(given.results, given.judgements), given.port)
    sys.stdout.write(f"open {server.address}\nControl-C ends it; every answer is kept at once in {given.judgements}/\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
