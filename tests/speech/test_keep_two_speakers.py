"""F3: each reason for a drop, the order of the reasons, and the filter turned off."""

import pytest

from nonverbal.schema import read_table, write_table
from nonverbal.speech.keep_two_speakers import decide, keep_two_speakers
from nonverbal.speech.turns import Turn, summarise

GOOD = {
    "people": 0, "speakers": 2, "speech_s": 9.0, "overlap_s": 0.0, "second_share": 0.4, "second_turn_s": 2.0,
    "rest_share": 0.0, "rest_turn_s": 0.0, "loudness_dbfs": -20.0,
}  # fmt: skip
THIRD = {"speakers": 3, "rest_share": 0.2, "rest_turn_s": 2.0}


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({}, "", "Heard 2 voices in 9.0 s of speech, the second with 40.0%."),
        ({"loudness_dbfs": -90.0}, "silent", "-90.0 dBFS is below -60 dBFS."),
        ({"loudness_dbfs": float("-inf"), "speakers": 0, "speech_s": 0.0}, "silent", "-inf dBFS"),
        ({"speakers": 0, "speech_s": 0.0, "second_share": 0.0}, "no_speech", "0.0 s of speech"),
        ({"speech_s": 1.9}, "no_speech", "2 s are needed"),
        ({"speakers": 1, "second_share": 0.0, "second_turn_s": 0.0}, "one_speaker", "Heard 1 voice in"),
        ({"second_share": 0.01}, "one_speaker", "needs 5.0%"),
        ({"second_turn_s": 0.9}, "one_speaker", "a turn of 1 s"),
        (
            THIRD,
            "more_than_two_speakers",
            "Heard 3 voices in 9.0 s of speech, the second with 40.0%, the rest with 20.0%",
        ),
        (THIRD | {"rest_share": 0.04}, "", "Heard 3 voices"),
        (THIRD | {"rest_turn_s": 0.9}, "", "Heard 3 voices"),
        (THIRD | {"rest_share": 0.04, "second_share": 0.04}, "one_speaker", "Heard 3 voices"),
        ({"overlap_s": 4.6}, "speech_overlaps", "51.1% of it is of two at once"),
    ],
)
def test_decisions(speech_settings, changes, reason, told):
    decision = decide(GOOD | changes, speech_settings.keep_two_speakers)
    assert (decision["kept"], decision["reason"]) == (not reason, reason)
    assert told in decision["detail"]


def test_thresholds_themselves_are_kept(speech_settings):
    chosen = speech_settings.keep_two_speakers
    edge = {"loudness_dbfs": chosen.silence_dbfs, "speech_s": chosen.least_speech_s, "second_share": 0.05}
    edge |= {"second_turn_s": 1.0, "overlap_s": chosen.least_speech_s * chosen.overlap_share}
    assert decide(GOOD | edge, chosen)["kept"]


def test_off_keeps_everything_and_says_so(speech_settings):
    off = speech_settings.keep_two_speakers.model_copy(update={"enabled": False})
    decision = decide(GOOD | {"speakers": 5, "loudness_dbfs": -90.0}, off)
    assert decision["kept"] and decision["detail"].startswith("The filter is off; heard 5 voices")


def test_one_row_a_kept_clip(shard, speech_settings):
    folder = shard(clips=[{}, {"clip_id": "v_001"}, {"clip_id": "v_002", "kept": False, "reason": "undecodable"}])
    measured = {key: value for key, value in GOOD.items() if key != "loudness_dbfs"}
    rows = [{"clip_id": "v_001", **measured, **THIRD}, {"clip_id": "v_000", **measured}]
    write_table(folder / "speakers.parquet", "speakers", rows)
    paths = (folder / "clips.parquet", folder / "speakers.parquet", folder / "kept.parquet")
    keep_two_speakers(*paths, speech_settings.keep_two_speakers)
    kept = read_table(folder / "kept.parquet", "keep_two_speakers")
    assert kept["clip_id"].tolist() == ["v_000", "v_001"]
    assert kept["reason"].tolist() == ["", "more_than_two_speakers"]


def two_for_a_minute():
    """Turns of five seconds by turns."""
    return [Turn(i % 2, 5.0 * i, 5.0 * i + 4.5) for i in range(12)]


@pytest.mark.parametrize(
    ("noise", "reason"),
    [
        ([], ""),
        ([Turn(2, 20.0, 22.5)], ""),  # a jingle once
        ([Turn(2, 5.0 * i + 4.5, 5.0 * i + 4.9) for i in range(12)], ""),  # a laugh after each turn
        ([Turn(2 + i, 10.0 * i, 10.0 * i + 1.5) for i in range(3)], "more_than_two_speakers"),  # different voices
        ([Turn(2, 5.0 * i + 4.5, 5.0 * i + 6.0) for i in range(6)], "more_than_two_speakers"),
        ([Turn(1 - i % 2, 5.0 * i + 1, 5.0 * i + 1.3) for i in range(12)], ""),  # backchannels
        ([Turn(1 - i % 2, 5.0 * i, 5.0 * i + 4) for i in range(12)], "speech_overlaps"),
    ],
)
def test_filter_survives_noise_that_nobody_would_call_a_speaker(speech_settings, noise, reason):
    measured = {"loudness_dbfs": -20.0, **summarise(two_for_a_minute() + noise)}
    assert decide(measured, speech_settings.keep_two_speakers)["reason"] == reason


def test_a_listener_who_only_says_yes_is_no_second_speaker(speech_settings):
    lone = [Turn(0, 0.0, 50.0), *[Turn(1, 3.0 * i, 3.0 * i + 0.5) for i in range(15)]]
    measured = {"loudness_dbfs": -20.0, **summarise(lone)}
    assert measured["second_share"] > 0.1
    assert decide(measured, speech_settings.keep_two_speakers)["reason"] == "one_speaker"
