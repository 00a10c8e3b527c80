"""P4: for each frame of an utterance the boxes of the person who says it (algorithm 1)."""

from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.layouts import floor_frame
from nonverbal.schema import TABLES, kept_ids, read_arrow, read_table
from nonverbal.shards import digest, map_units
from nonverbal.speakers.boxes import clipped, scaled
from nonverbal.speakers.people import PERSON
from nonverbal.speakers.persons import activity, speaker_of_persons
from nonverbal.speakers.settings import Crops


def crops(
    clips: Path, utterances: Path, keep_visible: Path, tracks: Path, active_speaker: Path, crops: Path, settings: Crops
) -> None:
    """Write the boxes of the person who speaks, one row a frame of an utterance in which that person is seen.

    Args:
        clips, utterances, tracks, active_speaker: tables of those names.
        keep_visible: decisions; clips it drops are left out.
        crops: table to write.
        settings: of the rule.
    """
    kept = kept_ids(keep_visible, "keep_visible")
    clip = {row["clip_id"]: row for row in read_table(clips, "clips").to_dict("records")}
    spoken = read_table(utterances, "utterances")

    def process(clip_id: str) -> dict[str, pd.DataFrame]:
        seen = read_arrow(tracks, "tracks", clip_id=clip_id).to_pandas()
        scored = read_arrow(active_speaker, "active_speaker", clip_id=clip_id).to_pandas()
        row = clip[clip_id]
        chosen = speaker_rows(spoken[spoken["clip_id"] == clip_id], seen, scored, row["frames"])
        boxes = scaled(chosen[PERSON].to_numpy(dtype=float), settings.margin)
        chosen[PERSON] = clipped(boxes, row["width"], row["height"])
        return {"crops": chosen[TABLES["crops"].names]}

    key = (settings.model_dump(), digest([[clip[clip_id] for clip_id in kept], spoken.to_dict("list")]))
    map_units(kept, process, {"crops": crops}, key, "crops")


def speaker_rows(utterances: pd.DataFrame, tracks: pd.DataFrame, scores: pd.DataFrame, frames: int) -> pd.DataFrame:
    """The rows of table `tracks` that show the speaker, one a frame of an utterance, of one clip.

    The paper's algorithm 1 takes, of two persons in a frame, the one most like the person chosen before, and so carries
    an early mistake on. Here the likeness has joined the tracks into persons over the whole clip, and each speaker's
    person is chosen once, by all the speaking seen in the speaker's utterances. A frame that shows the listener alone
    has no row.
    """
    said = utterance_frames(utterances, frames)
    seen = tracks.merge(
        scores[["track_id", "frame", "score", "person"]], on=["track_id", "frame"], suffixes=("", "_speaking")
    )
    both = said.merge(seen.drop(columns="clip_id"), on="frame")
    speakers = np.append(np.unique(utterances["speaker"]), -1)
    speaker = speakers[speaker_of_persons(seen, "score_speaking", activity(utterances, frames))]
    mine = both[speaker[both["person"]] == both["speaker"]]
    return mine.sort_values(["utterance_id", "frame", "track_id"], kind="stable")


def utterance_frames(utterances: pd.DataFrame, frames: int) -> pd.DataFrame:
    """One row a frame of each utterance: from the frame its first word starts in, up to the frame its last ends in."""
    columns = ["clip_id", "utterance_id", "speaker", "frame"]
    rows = [
        (said["clip_id"], said["utterance_id"], said["speaker"], frame)
        for said in utterances.to_dict("records")
        for frame in _frames(said["start_s"], said["end_s"], frames)
    ]
    return pd.DataFrame(rows, columns=columns).astype({"utterance_id": int, "speaker": int, "frame": int})


def _frames(start_s: float, end_s: float, frames: int) -> range:
    first = floor_frame(start_s)
    return range(first, min(max(floor_frame(end_s), first + 1), frames))
