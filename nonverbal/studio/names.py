"""What a studio recording's file name says: which dialogue, and whose camera."""

import re
from typing import NamedTuple

SIDES = ("left", "right")  # of the stage, the picture and the sound; their positions are the speakers' numbers
NAME = re.compile(r"(?P<dialogue>\d{4}-?\d\d-?\d\d_[A-Za-z0-9]+)_(?P<side>left|right)")
EXPECTED = "<date>_<md5>_<side>, with the date as YYYYMMDD or YYYY-MM-DD and left or right as the side"


class Recording(NamedTuple):
    """One camera's file of a dialogue."""

    dialogue_id: str
    side: str


def recording(stem: str) -> Recording | None:
    """What a file's name without folder and suffix says, None where it is no recording's.

    Only the name is looked at: a folder may be called anything.
    """
    match = NAME.fullmatch(stem)
    return Recording(match["dialogue"], match["side"]) if match else None


def whole_clip(video_id: str) -> str:
    """Id of the only clip of a recording, which is all of it."""
    return f"{video_id}_000"
