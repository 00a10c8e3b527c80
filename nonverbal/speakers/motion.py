"""Whose mouth moves: evidence of speaking from the lips alone, without any network."""

import numpy as np
import pandas as pd

STILL, LIVELY = 0.0105, 0.135  # lip gap / mouth width: deviation in the window of a mouth at rest, and in speech


def mouth_motion(rows: pd.DataFrame, window: int) -> pd.Series:
    """How much each mouth moves about each frame, on a log scale: -1 at rest, 1 in lively speech.

    Args:
        rows: columns track_id and mouth_open, frames of a track in order and without gaps.
        window: frames over which the deviation is taken; NaN where fewer than half of them show the mouth.
    """
    opening = rows.groupby("track_id")["mouth_open"]
    deviation = opening.transform(lambda s: s.rolling(window, center=True, min_periods=max(window // 2, 2)).std())
    middle, span = np.log(STILL * LIVELY) / 2, np.log(LIVELY / STILL) / 2
    return (np.log(deviation.clip(lower=1e-6)) - middle) / span
