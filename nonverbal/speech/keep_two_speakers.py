"""F3 decide: keep clips in which exactly two people speak."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nonverbal.schema import read_table, write_table
from nonverbal.speech.settings import KeepTwoSpeakers


def keep_two_speakers(clips: Path, speakers: Path, keep_two_speakers: Path, settings: KeepTwoSpeakers) -> None:
    """Apply the thresholds to a shard's clips.

    Args:
        clips: table clips; its kept clips are the units.
        speakers: table speakers.
        keep_two_speakers: table to write.
        settings: config section speech.keep_two_speakers.
    """
    table = read_table(clips, "clips")
    measured = table[table["kept"]].merge(read_table(speakers, "speakers"), on="clip_id", validate="1:1", how="left")
    rows = [{"clip_id": row["clip_id"], **decide(row, settings)} for row in measured.to_dict("records")]
    write_table(keep_two_speakers, "keep_two_speakers", rows)


def decide(measured: Mapping[Any, Any], settings: KeepTwoSpeakers) -> dict[str, object]:
    """The decision on one clip from its loudness and what the diarization found.

    Voices after the second that are heard too little to be speakers (a laugh, an echo, a jingle) drop no clip; a
    second voice that is heard so little makes none.
    """
    voices, speech_s = int(measured["speakers"]), measured["speech_s"]
    overlap = measured["overlap_s"] / max(speech_s, 1e-9)
    loudness, speech = f"{measured['loudness_dbfs']:.1f} dBFS", f"{speech_s:.1f} s of speech"
    rest = f", the rest with {measured['rest_share']:.1%}" if voices > 2 else ""
    heard = f"{voices} voice{'s' * (voices != 1)} in {speech}, the second with {measured['second_share']:.1%}{rest}"
    if not settings.enabled:
        return {"kept": True, "reason": "", "detail": f"The filter is off; heard {heard}."}
    needed = f"a speaker needs {settings.speaker_share:.1%} and a turn of {settings.speaker_turn_s:g} s"
    checks = (
        (
            "silent",
            measured["loudness_dbfs"] < settings.silence_dbfs,
            f"{loudness} is below {settings.silence_dbfs:g} dBFS.",
        ),
        (
            "no_speech",
            voices == 0 or speech_s < settings.least_speech_s,
            f"{speech} at {loudness}; {settings.least_speech_s:g} s are needed.",
        ),
        ("more_than_two_speakers", speaks(measured, "rest", settings), f"Heard {heard}; {needed}."),
        ("one_speaker", not speaks(measured, "second", settings), f"Heard {heard}; {needed}."),
        (
            "speech_overlaps",
            overlap > settings.overlap_share,
            f"Heard {heard}; {overlap:.1%} of it is of two at once, {settings.overlap_share:.1%} may be.",
        ),
    )
    for reason, dropped, detail in checks:
        if dropped:
            return {"kept": False, "reason": reason, "detail": detail}
    return {"kept": True, "reason": "", "detail": f"Heard {heard}."}


def speaks(measured: Mapping[Any, Any], who: str, settings: KeepTwoSpeakers) -> bool:
    """Whether the `second` voice, or the `rest` after it, is a speaker: has enough of the speech and a long turn."""
    enough = measured[f"{who}_share"] >= settings.speaker_share
    return bool(enough and measured[f"{who}_turn_s"] >= settings.speaker_turn_s)
