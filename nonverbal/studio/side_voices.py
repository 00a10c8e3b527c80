"""Measure: every voice on each channel of a recording, cross-talk too, and how loud it is."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter1d

from nonverbal.media import SAMPLE_RATE, read_audio
from nonverbal.provenance.hashes import hash_path
from nonverbal.shards import Rows, map_units
from nonverbal.speech.diarize import load_diarizer
from nonverbal.speech.settings import Diarize
from nonverbal.speech.turns import Turn
from nonverbal.studio.names import SIDES
from nonverbal.studio.recordings import recordings

STEP_S = 0.02
SMOOTH = 11  # steps over which loudness is averaged
SHORTEST_S = 0.3  # no part of a turn is shorter
QUIETEST = 1e-12  # power that stands for digital silence, -120 dBFS


def side_voices(sides: Path, sounds: Path, side_voices: Path, settings: Diarize, models: Sequence[Path] = ()) -> None:
    """Diarize each channel by itself.

    Args:
        sides: table of that name.
        sounds: folder of its sounds.
        side_voices: table to write, one row a turn or part of one.
        settings: config section speech.diarize.
        models: folders of the fetched models that its backend needs.
    """
    kept = recordings(sides)
    diarizer = load_diarizer(settings, models) if kept else None

    def one(clip_id: str) -> dict[str, Rows]:
        assert diarizer is not None
        heard = {side: read_audio(sounds / kept[clip_id][side]) for side in SIDES}
        return {
            "side_voices": [
                {"clip_id": clip_id, **row} for side in SIDES for row in voices(heard, side, diarizer(heard[side], 0))
            ]
        }

    key = [settings.model_dump(mode="json"), kept, hash_path(sounds)]
    map_units(kept, one, {"side_voices": side_voices}, key, "side_voices")


def louder_here(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether a channel is at least as loud as the other, bool [steps] of STEP_S.

    Args:
        own, other: their 16 kHz samples.
    """
    step = round(STEP_S * SAMPLE_RATE)
    padded = [np.pad(one, (0, -len(one) % step)).reshape(-1, step) for one in (own, other)]
    powers = [uniform_filter1d(np.square(one, dtype=np.float64).mean(axis=1), SMOOTH) for one in padded]
    return powers[0] >= powers[1]


def stretches(turn: Turn, here: np.ndarray) -> list[Turn]:
    """A turn parted where the louder channel changes: a diarizer may take an answer that leaks in for the same voice.

    Args:
        turn: of one channel.
        here: see `louder_here`.
    """
    first, last = round(turn.start_s / STEP_S), min(round(turn.end_s / STEP_S), len(here))
    changes = first + 1 + np.flatnonzero(np.diff(here[first:last]))
    cuts = [turn.start_s]
    for cut in (float(change * STEP_S) for change in changes):
        if cut - cuts[-1] >= SHORTEST_S and turn.end_s - cut >= SHORTEST_S:
            cuts.append(cut)
    return [turn._replace(start_s=start, end_s=end) for start, end in pairwise([*cuts, turn.end_s])]


def voices(heard: dict[str, np.ndarray], side: str, turns: list[Turn]) -> list[dict]:
    """The turns of a channel, parted where the louder channel changes, with their loudness on both channels.

    Args:
        heard: 16 kHz samples of each side.
        side: which of them the turns are of.
        turns: what the diarizer found there.
    """
    (other,) = set(SIDES) - {side}
    here = louder_here(heard[side], heard[other])
    parts = [part for turn in turns for part in stretches(turn, here)]
    return [
        {
            "side": side, "voice": turn.speaker, "start_s": turn.start_s, "end_s": turn.end_s,
            "loudness_dbfs": level(heard[side], turn), "other_dbfs": level(heard[other], turn),
        }
        for turn in parts
    ]  # fmt: skip


def level(samples: np.ndarray, turn: Turn) -> float:
    """Root mean square of a turn in decibels of full scale."""
    part = samples[round(turn.start_s * SAMPLE_RATE) : round(turn.end_s * SAMPLE_RATE)]
    power = float(np.mean(np.square(part, dtype=np.float64))) if len(part) else 0.0
    return 10 * float(np.log10(max(power, QUIETEST)))
