"""Who speaks, decided from two witnesses together: the diarized turns, and what each face says of itself."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nonverbal.schema import TABLES
from nonverbal.speakers.persons import activity, persons, speaker_of_persons

MOST = 1.5  # that a face may say; more than the turns' 1, so that a still mouth overrules them
STRETCH = 25  # frames of a turn, or of a pause, from which on faces may turn it round...
AGAINST = 0.5  # ...where they say the contrary by this much on average
SHRINK = 50  # frames that the usual levels of a score count, beside the clip's own
LEAST_GAP = 0.3  # of the levels of speech and silence, as a share of the usual one
STEEPNESS = 2.0  # of the confidence in the size of the score; chosen on three demonstration videos (docs/speakers.md)


@dataclass(frozen=True)
class Levels:
    """What a backend's scores are like: their usual mean on faces that are silent and on faces that speak."""

    silent: float
    speaks: float
    vary: bool
    """Whether they differ from clip to clip, so that a clip's turns should fit them."""

    def evidence(self, scores: np.ndarray) -> np.ndarray:
        """Scores on one scale: -1 as if silent, 1 as if speaking, -1.5 to 1.5; NaN stays."""
        middle, half = (self.speaks + self.silent) / 2, (self.speaks - self.silent) / 2
        return np.clip((scores - middle) / half, -MOST, MOST)

    def fitted(self, scores: np.ndarray, speaks: np.ndarray, silent: np.ndarray) -> "Levels":
        """The levels in one clip: means over the faces that turns say speak or are silent, drawn to the usual ones."""
        if not self.vary:
            return self
        means = [
            (np.nansum(scores[rows]) + SHRINK * usual) / (np.isfinite(scores[rows]).sum() + SHRINK)
            for rows, usual in ((silent, self.silent), (speaks, self.speaks))
        ]
        middle = sum(means) / 2
        half = max((means[1] - means[0]) / 2, LEAST_GAP * (self.speaks - self.silent) / 2)
        return Levels(middle - half, middle + half, True)


def decide(
    tracks: pd.DataFrame, scores: np.ndarray, levels: Levels, turns: pd.DataFrame, frames: int, same_person: float
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Table `active_speaker` of one clip, and how well turns and faces agree.

    Tracks are joined into persons, and each diarized speaker is the person whose face speaks in the speaker's turns and
    is silent in the others'. In each frame the score is +1 or -1 as that speaker has the turn or not (0 for a person
    who is no speaker, while anybody speaks), plus the face's evidence. Where a face says the contrary through a second
    or more of a turn, or of a pause, the turn is taken to be wrong there.

    Args:
        tracks: table of that name, one clip, rows in order of track and frame.
        scores: of the backend, [rows]; more is more likely to speak, NaN unknown.
        levels: of the backend.
        turns: table of that name, one clip.
        frames: in the clip.
        same_person: cosine of two tracks' descriptors from which they may be one person.

    Returns:
        The table, and the columns of table `visibility` that tell of agreement (NaN where there is nothing to compare).
    """
    rows = tracks[["clip_id", "track_id", "frame"]].copy()
    if rows.empty:
        return TABLES["active_speaker"].empty_table().to_pandas(), quality(rows, np.zeros(0), np.zeros(0))
    rows["person"] = persons(tracks, same_person)[rows["track_id"]]
    speech = activity(turns, frames)
    rows["face"] = levels.evidence(scores)
    speaker = speaker_of_persons(rows, "face", speech)[rows["person"]]
    turn = _claims(speech, rows["frame"].to_numpy(), speaker)
    known = speaker >= 0
    rows["face"] = levels.fitted(scores, known & (turn > 0), known & (turn < 0)).evidence(scores)
    rows["score"] = _corrected(rows, turn, known, speech) + rows["face"].fillna(0.0)
    rows["confidence"] = 1 / (1 + np.exp(-STEEPNESS * rows["score"].abs()))
    rows["speaker"] = np.append(np.unique(turns["speaker"]), -1)[speaker]
    return rows[TABLES["active_speaker"].names], quality(rows, turn, known)


def quality(rows: pd.DataFrame, turn: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """How far one can rely on who is said to speak in a clip.

    Args:
        rows: columns face, confidence, speaker.
        turn: what the turns say of each row, above 0: speaks.
        known: rows of persons who are speakers.

    Returns:
        speakers_seen: diarized speakers who have a person; disagreement: share of these persons' frames in which face
        and turn say the contrary; confidence: mean over all rows.
    """
    if rows.empty:
        return {"speakers_seen": 0, "disagreement": np.nan, "confidence": np.nan}
    compared = known & rows["face"].notna().to_numpy()
    contrary = (rows["face"].to_numpy() > 0) != (turn > 0)
    return {
        "speakers_seen": int(rows.loc[rows["speaker"] >= 0, "speaker"].nunique()),
        "disagreement": float(contrary[compared].mean()) if compared.any() else np.nan,
        "confidence": float(rows["confidence"].mean()),
    }


def _claims(speech: np.ndarray, frame: np.ndarray, speaker: np.ndarray) -> np.ndarray:
    """What the turns say of each row: 1 speaks, -1 is silent, 0 unknown (nobody's person, while somebody speaks)."""
    unknown = np.where(speech.any(axis=1, keepdims=True), 0.0, -1.0)
    return np.hstack([np.where(speech, 1.0, -1.0), unknown])[frame, speaker]


def _corrected(rows: pd.DataFrame, turn: np.ndarray, known: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """The turns' claims, turned round where a face says the contrary through a stretch in which turns do not change."""
    changes = (speech[1:] != speech[:-1]).any(axis=1)
    stretch = np.append(0, changes.cumsum())[rows["frame"]]
    face = rows["face"].groupby([rows["track_id"], stretch])
    mean, seen = face.transform("mean").to_numpy(), face.transform("count").to_numpy()
    wrong = known & (seen >= STRETCH) & (-turn * mean > AGAINST)
    return np.where(wrong, -turn, turn)
