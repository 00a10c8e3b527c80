"""F3: each reason for a drop, the order of the reasons, and the filter turned off."""

import pytest

from nonverbal.schema import read_table, write_table
from nonverbal.speech.keep_two_speakers import decide, keep_two_speakers

GOOD = {"speakers": 2, "speech_s": 9.0, "overlap_s": 0.0, "second_share": 0.4, "loudness_dbfs": -20.0}


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({}, "", "Heard 2 speakers in 9.0 s of speech, the second with 40.0%."),
        ({"loudness_dbfs": -90.0}, "silent", "-90.0 dBFS is below -60 dBFS."),
        ({"loudness_dbfs": float("-inf"), "speakers": 0, "speech_s": 0.0}, "silent", "-inf dBFS"),
        ({"speakers": 0, "speech_s": 0.0, "second_share": 0.0}, "no_speech", "0.0 s of speech"),
        ({"speech_s": 1.9}, "no_speech", "2 s are needed"),
        ({"speakers": 1, "second_share": 0.0}, "one_speaker", "Heard 1 speaker in"),
        ({"second_share": 0.01}, "one_speaker", "5.0% are needed"),
        ({"speakers": 3}, "more_than_two_speakers", "Heard 3 speakers"),
        ({"speakers": 3, "second_share": 0.01}, "more_than_two_speakers", "Heard 3 speakers"),
    ],
)
def test_decisions(speech_settings, changes, reason, told):
    decision = decide(GOOD | changes, speech_settings.keep_two_speakers)
    assert (decision["kept"], decision["reason"]) == (not reason, reason)
    assert told in decision["detail"]


def test_thresholds_themselves_are_kept(speech_settings):
    chosen = speech_settings.keep_two_speakers
    edge = {"loudness_dbfs": chosen.silence_dbfs, "speech_s": chosen.least_speech_s, "second_share": 0.05}
    assert decide(GOOD | edge, chosen)["kept"]


def test_off_keeps_everything_and_says_so(speech_settings):
    off = speech_settings.keep_two_speakers.model_copy(update={"enabled": False})
    decision = decide(GOOD | {"speakers": 5, "loudness_dbfs": -90.0}, off)
    assert decision["kept"] and decision["detail"].startswith("The filter is off; heard 5 speakers")


def test_one_row_a_kept_clip(shard, speech_settings):
    folder = shard(clips=[{}, {"clip_id": "v_001"}, {"clip_id": "v_002", "kept": False, "reason": "undecodable"}])
    measured = {key: value for key, value in GOOD.items() if key != "loudness_dbfs"}
    rows = [{"clip_id": "v_001", **measured, "speakers": 3}, {"clip_id": "v_000", **measured}]
    write_table(folder / "speakers.parquet", "speakers", rows)
    paths = (folder / "clips.parquet", folder / "speakers.parquet", folder / "kept.parquet")
    keep_two_speakers(*paths, speech_settings.keep_two_speakers)
    kept = read_table(folder / "kept.parquet", "keep_two_speakers")
    assert kept["clip_id"].tolist() == ["v_000", "v_001"]
    assert kept["reason"].tolist() == ["", "more_than_two_speakers"]
