"""python -m nonverbal.views VIEW RESULTS CLIP_ID [UTTERANCE_ID] OUT: see docs/views.md."""

import argparse
import logging
import sys
from importlib import import_module
from pathlib import Path

from nonverbal.errors import UserError

# View -> whether it shows whole clips, whether utterances, and its files' ending; each is the function of its name.
VIEWS = {
    "overlay": (True, False, ".mp4"),
    "avatar": (True, True, ".mp4"),
    "sheet": (False, True, ".png"),
    "bvh": (False, True, ".bvh"),
    "glb": (False, True, ".glb"),
    "rerun": (False, True, ".rrd"),
}

WITH_MODELS = ("avatar", "sheet")  # that show licensed models; the others' files may be passed on


def main(arguments: list[str]) -> None:
    """Make one view.

    Raises:
        UserError: the view is not to be had of that.
    """
    parser = argparse.ArgumentParser(prog="python -m nonverbal.views", description="What a run found, to look at.")
    parser.add_argument("view", choices=VIEWS)
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("clip_id", help="for example VIDEO_000")
    parser.add_argument(
        "utterance_id", type=int, nargs="?", help="of the clip, from 0; left out, the whole clip is shown"
    )
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that FLAME or SMPL-X may lie in")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    clips, utterances, ending = VIEWS[given.view]
    if not clips and given.utterance_id is None:
        raise UserError(f"{given.view} shows one utterance; write its number after the clip's id")
    if not utterances and given.utterance_id is not None:
        raise UserError(f"{given.view} shows whole clips; leave out the utterance's number")
    if given.out.suffix != ending:
        raise UserError(f"{given.out} is no name for {given.view}; write a file that ends in {ending}")
    view = getattr(import_module(f"nonverbal.views.{given.view}"), given.view)
    which = (given.utterance_id,) if utterances else ()
    models = {"models": given.models} if given.view in WITH_MODELS else {}
    view(given.results, given.clip_id, *which, given.out, **models)
    sys.stdout.write(f"{given.out}\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
