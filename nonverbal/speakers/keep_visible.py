"""F5: keep a clip whose speakers are seen speaking for at least as many frames as they say words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nonverbal.schema import read_table, write_table
from nonverbal.speakers.settings import KeepVisible


def keep_visible(visibility: Path, keep_visible: Path, settings: KeepVisible) -> None:
    """Decide on each clip of table `visibility`; one row a clip."""
    rows = read_table(visibility, "visibility").to_dict("records")
    write_table(keep_visible, "keep_visible", [decide(row, settings) for row in rows])


def decide(row: Mapping[Any, Any], settings: KeepVisible) -> dict[str, Any]:
    """The decision on one row of table `visibility`."""
    needed = row["words"] * settings.frames_per_word
    seen = f"{row['tracks']} face tracks; {row['speaking_frames']} speaking frames"
    reason, detail = "", f"{seen} for {row['words']} words"
    if not settings.enabled:
        detail = f"{seen}; the filter is off"
    elif row["tracks"] == 0:
        reason, detail = "nobody_visible", f"no face was followed in {row['frames']} frames"
    elif row["speaking_frames"] == 0 or row["speaking_frames"] < needed:
        reason, detail = (
            "speakers_not_visible",
            f"{seen}, fewer than the {max(needed, 1):g} that {row['words']} words need",
        )
    return {"clip_id": row["clip_id"], "kept": not reason, "reason": reason, "detail": detail}
