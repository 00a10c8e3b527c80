"""P3: how likely each tracked face is speaking, each frame; and how much of the speaking is seen."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nonverbal.layouts import FPS
from nonverbal.media import decode_frames, read_audio
from nonverbal.models import fetched
from nonverbal.schema import kept_ids, read_arrow, read_rows, read_table
from nonverbal.shards import Rows, digest, map_units
from nonverbal.speakers.joint import Levels, decide
from nonverbal.speakers.motion import mouth_motion
from nonverbal.speakers.settings import ActiveSpeaker


class Faces(NamedTuple):
    """A backend: what faces alone say. `scores` takes a row of table `clips` and its tracks, and returns [rows]."""

    levels: Levels
    scores: Callable[[Mapping[str, Any], pd.DataFrame], np.ndarray]


def active_speaker(
    clips: Path, media: Path, words: Path, turns: Path, keep_language: Path, tracks: Path, models: list[Path],
    active_speaker: Path, visibility: Path, settings: ActiveSpeaker,
) -> None:  # fmt: skip
    """Score every track in every frame and count the frames in which a speaker is seen.

    Args:
        clips, words, turns, tracks: tables of those names.
        media: folder of the clips' videos and sound.
        keep_language: decisions; clips it drops are left out.
        models: those of `settings.models`.
        active_speaker: table to write, one row a track a frame; a score above 0 means speaking.
        visibility: table to write, one row a clip.
        settings: backend and thresholds.
    """
    kept = kept_ids(keep_language, "keep_language")
    clip = {row["clip_id"]: row for row in read_rows(clips, "clips")}
    words_in = read_table(words, "words").groupby("clip_id").size()
    all_turns = read_table(turns, "turns")
    faces = load_faces(settings, media, models)

    def process(clip_id: str) -> dict[str, Rows]:
        seen = read_arrow(tracks, "tracks", clip_id=clip_id).to_pandas()
        seen = seen.sort_values(["track_id", "frame"], ignore_index=True)
        said, frames = all_turns[all_turns["clip_id"] == clip_id], int(clip[clip_id]["frames"])
        scores = faces.scores(clip[clip_id], seen)
        decided, agreement = decide(seen, scores, faces.levels, said, frames, settings.same_person)
        row = {
            "clip_id": clip_id, "words": int(words_in.get(clip_id, 0)), "frames": frames,
            "speaking_frames": decided.loc[decided["score"] > 0, "frame"].nunique(),
            "tracks": decided["track_id"].nunique(),
        }  # fmt: skip
        return {"active_speaker": decided, "visibility": [row | agreement]}

    key = (settings.model_dump(), digest([all_turns.to_dict("list"), words_in.to_dict(), [clip[c] for c in kept]]))
    outputs = {"active_speaker": active_speaker, "visibility": visibility}
    map_units(kept, process, outputs, key, "active_speaker")


def load_faces(settings: ActiveSpeaker, media: Path, models: Iterable[Path]) -> Faces:
    """The backend that `settings.backend` names; its network is loaded here and nowhere else."""
    if settings.backend == "motion":
        window = round(settings.window_s * FPS)
        return Faces(Levels(-1.0, 1.0, vary=False), lambda _, tracks: mouth_motion(tracks, window).to_numpy())
    from nonverbal.speakers.light_asd import USUAL, load_light_asd
    from nonverbal.speakers.light_asd_scores import light_asd_scores

    chosen = settings.light_asd
    network = load_light_asd(fetched(models)[chosen.weights])

    def scores(clip: Mapping[str, Any], tracks: pd.DataFrame) -> np.ndarray:
        sound = read_audio(media / clip["audio"])
        return light_asd_scores(
            network, decode_frames(media / clip["video"]), sound, tracks, chosen.durations_s, chosen.batch
        )

    return Faces(Levels(*USUAL[chosen.weights], vary=True), scores)
