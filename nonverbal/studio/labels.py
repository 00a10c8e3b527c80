"""The turns of all recordings with the emotion that counts and the gender of who speaks, each dialogue once."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from nonverbal.errors import UserError
from nonverbal.schema import read_given, read_table
from nonverbal.studio.names import SIDES

GENDERS = {"man": "men", "woman": "women"}  # as written in the file of actors -> the group
GROUPS = ("all", *GENDERS.values())
UNKNOWN = ""  # label of a turn of which neither script nor classifier says anything


def plain(label: str) -> str:
    """A label without case and outer spaces; labels that differ in more are different emotions, `Other` too."""
    return " ".join(label.split()).casefold()


def turns(emotions: list[Path], actors: Iterable[Path] = ()) -> pd.DataFrame:
    """One row a turn, though several cameras may have recorded it.

    Args:
        emotions: tables of that name.
        actors: files of actors, perhaps none: then nobody's gender is known.

    Returns:
        Columns dialogue_id, side, text, script (its label, plain), told (the classifier's), label (the script's, else
        the classifier's, else UNKNOWN), group (men, women, or "" where the file of actors does not say).
    """
    table = read_table(emotions, "emotions").sort_values(["dialogue_id", "clip_id", "segment"])
    table = table[table["clip_id"] == table.groupby("dialogue_id")["clip_id"].transform("first")].reset_index(drop=True)
    genders = read_actors(actors)
    script = table["emotion_label"].map(plain)
    told = table["scores"].map(best)
    places = zip(table["dialogue_id"], table["side"], strict=True)
    return table[["dialogue_id", "side", "text"]].assign(
        script=script, told=told, label=script.where(script != "", told), group=[genders.get(at, "") for at in places]
    )


def best(scores: list[dict]) -> str:
    """The label with the highest score, the first in the alphabet of equal ones; UNKNOWN where there is none."""
    ordered = sorted(scores, key=lambda one: (-one["score"], one["label"]))
    return plain(ordered[0]["label"]) if ordered else UNKNOWN


def read_actors(paths: Iterable[Path]) -> dict[tuple[str, str], str]:
    """Group of the actor on each side of each dialogue.

    Raises:
        UserError: a file has other columns, a side or gender that is none, or two genders of one actor.
    """
    found: dict[tuple[str, str], str] = {}
    for path in paths:
        table = read_given(path, "sources.actors", ["dialogue_id", "side", "actor", "gender"])
        for row in table.to_dict("records"):
            if row["side"] not in SIDES or row["gender"] not in ("", *GENDERS):
                raise UserError(
                    f"config key sources.actors: {path}, {row['dialogue_id']}: write left or right as the side, and "
                    "man, woman or nothing as the gender"
                )
            group = GENDERS.get(row["gender"], "")
            if found.setdefault((row["dialogue_id"], row["side"]), group) != group:
                raise UserError(
                    f"config key sources.actors: {path}, {row['dialogue_id']}: write one gender of who stands "
                    f"{row['side']}, not two"
                )
    return found
