"""Turns and faces decide together: who is whom, who speaks, how sure that is, and how far they agree."""

import numpy as np
import pandas as pd
import pytest
from speaker_scenes import mouths, track_table

from nonverbal.schema import as_table
from nonverbal.speakers.joint import Levels, decide

FRAMES = 500
TURNS = [(0, 0.0, 3.0), (1, 3.4, 6.0), (0, 6.2, 9.0), (1, 9.5, 13.0), (0, 13.2, 16.0), (1, 16.4, 19.6)]
USUAL = Levels(-2.0, 2.0, vary=True)


def turns(spans=TURNS) -> pd.DataFrame:
    return pd.DataFrame([{"clip_id": "c_000", "speaker": k, "start_s": a, "end_s": b} for k, a, b in spans])


def speaks(who: int) -> np.ndarray:
    time = (np.arange(FRAMES) + 0.5) / 25
    return np.any([(a <= time) & (time < b) for k, a, b in TURNS if k == who], axis=0)


def wide_shot() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Tracks of two persons, what a network says of their faces, and who speaks; track 0 is speaker 1."""
    rng = np.random.default_rng(1)
    truth = np.concatenate([speaks(1), speaks(0)])
    tracks = [track_table(i, 0, mouths(speaks(1 - i), rng), i, 80 + 160 * i) for i in (0, 1)]
    return pd.concat(tracks, ignore_index=True), np.where(truth, 3.0, -2.0) + rng.normal(0, 1, 2 * FRAMES), truth


def accuracy(rows: pd.DataFrame, truth: np.ndarray) -> float:
    return float(((rows["score"] > 0) == truth).mean())


def test_turns_and_faces_that_agree_are_followed_with_confidence():
    tracks, scores, truth = wide_shot()
    rows, agreement = decide(tracks, scores, USUAL, turns(), FRAMES, 0.96)
    as_table("active_speaker", rows)
    assert accuracy(rows, truth) > 0.99
    assert rows.groupby("track_id")["speaker"].unique().str[0].tolist() == [1, 0]
    assert agreement["speakers_seen"] == 2 and agreement["disagreement"] < 0.05 and agreement["confidence"] > 0.9


@pytest.mark.parametrize("offset", [-3.0, 3.0])
def test_scores_that_are_too_high_or_too_low_throughout_are_fitted_by_the_turns(offset):
    tracks, scores, truth = wide_shot()
    rows, _ = decide(tracks, scores + offset, USUAL, turns(), FRAMES, 0.96)
    assert accuracy(rows, truth) > 0.97
    assert ((rows["face"] > 0) == truth).mean() > 0.95 > ((scores + offset > 0) == truth).mean()


def test_a_turn_given_to_the_other_speaker_is_put_right_by_the_faces():
    tracks, scores, truth = wide_shot()
    wrong = [(1 - k if i == 2 else k, a, b) for i, (k, a, b) in enumerate(TURNS)]
    rows, agreement = decide(tracks, scores, USUAL, turns(wrong), FRAMES, 0.96)
    inside = rows["frame"].between(6.2 * 25, 9 * 25 - 1)
    assert accuracy(rows[inside], truth[inside]) > 0.97
    assert 0.1 < agreement["disagreement"] < 0.3


def test_a_missing_turn_is_found_by_the_face():
    tracks, scores, truth = wide_shot()
    rows, _ = decide(tracks, scores, USUAL, turns(TURNS[:3] + TURNS[4:]), FRAMES, 0.96)
    inside = (rows["track_id"] == 0) & rows["frame"].between(9.5 * 25, 13 * 25 - 1)
    assert accuracy(rows[inside], truth[inside]) > 0.97


def test_faces_that_say_nothing_leave_the_turns():
    tracks, scores, truth = wide_shot()
    hidden = tracks["track_id"] == 1
    rows, _ = decide(tracks, np.where(hidden & (tracks["frame"] > 100), np.nan, scores), USUAL, turns(), FRAMES, 0.96)
    assert accuracy(rows[hidden], truth[hidden]) == 1
    assert rows.loc[hidden & (rows["frame"] > 100), "face"].isna().all()


def test_less_evidence_is_less_confident_and_contrary_evidence_least():
    tracks, scores, _ = wide_shot()
    scores[100:110] = np.nan
    scores[200:210] *= -1  # too short to turn a turn round
    sure = decide(tracks, scores, USUAL, turns(), FRAMES, 0.96)[0]["confidence"]
    assert sure[50:90].mean() > sure[100:110].mean() > sure[200:210].mean() >= 0.5
    nobody = decide(tracks, np.full(len(scores), np.nan), USUAL, turns(), FRAMES, 0.96)[1]
    assert nobody["speakers_seen"] == 0 and np.isnan(nobody["disagreement"])


def test_nothing_seen_and_nothing_said():
    tracks, scores, _ = wide_shot()
    rows, agreement = decide(tracks.head(0), scores[:0], USUAL, turns(), FRAMES, 0.96)
    assert rows.empty and agreement["speakers_seen"] == 0
    rows, agreement = decide(tracks, scores, USUAL, turns().head(0), FRAMES, 0.96)
    assert set(rows["speaker"]) == {-1} and np.isnan(agreement["disagreement"])
