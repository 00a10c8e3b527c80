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
    """The decision on one clip from its loudness and what the diarization found."""
    count, share = int(measured["speakers"]), measured["second_share"]
    loudness, speech = f"{measured['loudness_dbfs']:.1f} dBFS", f"{measured['speech_s']:.1f} s of speech"
    heard = f"{count} speaker{'s' * (count != 1)} in {speech}, the second with {share:.1%}"
    if not settings.enabled:
        return {"kept": True, "reason": "", "detail": f"The filter is off; heard {heard}."}
    checks = (
        (
            "silent",
            measured["loudness_dbfs"] < settings.silence_dbfs,
            f"{loudness} is below {settings.silence_dbfs:g} dBFS.",
        ),
        (
            "no_speech",
            count == 0 or measured["speech_s"] < settings.least_speech_s,
            f"{speech} at {loudness}; {settings.least_speech_s:g} s are needed.",
        ),
        ("more_than_two_speakers", count > 2, f"Heard {heard}."),
        ("one_speaker", count < 2, f"Heard {heard}."),
        ("one_speaker", share < settings.second_share, f"Heard {heard}; {settings.second_share:.1%} are needed."),
    )
    for reason, dropped, detail in checks:
        if dropped:
            return {"kept": False, "reason": reason, "detail": detail}
    return {"kept": True, "reason": "", "detail": f"Heard {heard}."}
