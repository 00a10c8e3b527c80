"""P3: how likely each tracked face is speaking, each frame; and how much of the speaking is seen."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.layouts import FPS
from nonverbal.schema import TABLES, kept_ids, read_arrow, read_table
from nonverbal.shards import digest, map_units
from nonverbal.speakers.persons import activity, persons, speaker_of_persons
from nonverbal.speakers.settings import ActiveSpeaker

STILL, LIVELY = 0.0105, 0.135  # lip gap / mouth width: deviation in the window of a mouth at rest, and in speech
CERTAIN = 1.5  # most that motion may count: more than the turns' 1, so that a still mouth can overrule them


def active_speaker(
    clips: Path, words: Path, turns: Path, keep_language: Path, tracks: Path, active_speaker: Path, visibility: Path,
    settings: ActiveSpeaker,
) -> None:  # fmt: skip
    """Score every track in every frame and count the frames in which a speaker is seen.

    Args:
        clips, words, turns, tracks: tables of those names.
        keep_language: decisions; clips it drops are left out.
        active_speaker: table to write, one row a track a frame; a score above 0 means speaking.
        visibility: table to write, one row a clip.
        settings: backend and thresholds.
    """
    kept = kept_ids(keep_language, "keep_language")
    lengths = read_table(clips, "clips").set_index("clip_id")["frames"]
    words_in = read_table(words, "words").groupby("clip_id").size()
    all_turns = read_table(turns, "turns")
    score = partial(BACKENDS[settings.backend], settings=settings)

    def process(clip_id: str) -> dict[str, pd.DataFrame | list[dict]]:
        seen = read_arrow(tracks, "tracks", clip_id=clip_id).to_pandas()
        scored = score(seen, all_turns[all_turns["clip_id"] == clip_id], int(lengths[clip_id]))
        speaking = scored.loc[scored["score"] > 0, "frame"].nunique()
        row = {
            "clip_id": clip_id, "words": int(words_in.get(clip_id, 0)), "speaking_frames": speaking,
            "frames": int(lengths[clip_id]), "tracks": scored["track_id"].nunique(),
        }  # fmt: skip
        return {"active_speaker": scored, "visibility": [row]}

    key = (settings.model_dump(), digest([all_turns.to_dict("list"), words_in.to_dict(), lengths.to_dict()]))
    outputs = {"active_speaker": active_speaker, "visibility": visibility}
    map_units(kept, process, outputs, key, "active_speaker")


def motion_scores(tracks: pd.DataFrame, turns: pd.DataFrame, frames: int, settings: ActiveSpeaker) -> pd.DataFrame:
    """Table `active_speaker` of one clip from mouth motion and diarized speech.

    A person is the speaker in whose turns the mouth moves most. In each frame the score is +1 or -1 as that speaker has
    the turn or not (for a person who is no speaker: 0 while anybody speaks), plus the mouth's motion, -1.5 to 1.5.

    Args:
        tracks: table of that name, one clip.
        turns: table of that name, one clip.
        frames: in the clip.
        settings: of the rule.
    """
    if tracks.empty:
        return TABLES["active_speaker"].empty_table().to_pandas()
    rows = tracks[["clip_id", "track_id", "frame", "mouth_open"]].copy()
    rows["person"] = persons(tracks, settings.same_person)[tracks["track_id"]]
    rows["motion"] = mouth_motion(rows, round(settings.window_s * FPS))
    speech = activity(turns, frames)
    speaker = speaker_of_persons(rows, "motion", speech)[rows["person"]]
    unknown = np.where(speech.any(axis=1, keepdims=True), 0.0, -1.0)
    turn = np.hstack([np.where(speech, 1.0, -1.0), unknown])[rows["frame"], speaker]
    rows["score"] = turn + rows["motion"].fillna(0.0)
    return rows[TABLES["active_speaker"].names]


def mouth_motion(rows: pd.DataFrame, window: int) -> pd.Series:
    """How much each mouth moves about each frame, -1.5 to 1.5 on a log scale, 0 half way from rest to speech.

    Args:
        rows: columns track_id and mouth_open, frames of a track in order and without gaps.
        window: frames over which the deviation is taken; NaN where fewer than half of them show the mouth.
    """
    opening = rows.groupby("track_id")["mouth_open"]
    deviation = opening.transform(lambda s: s.rolling(window, center=True, min_periods=max(window // 2, 2)).std())
    middle, span = np.log(STILL * LIVELY) / 2, np.log(LIVELY / STILL) / 2
    return ((np.log(deviation.clip(lower=1e-6)) - middle) / span).clip(-CERTAIN, CERTAIN)


BACKENDS: dict[str, Callable[..., pd.DataFrame]] = {"motion": motion_scores}
