"""From a stereo recording to the tables that every later stage reads, through the real diarizer and transcriber."""

import json
import shutil

import pytest
import yaml
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate
from studio_media import LINES, NAME

from nonverbal.collect.channels import channels
from nonverbal.collect.clips import clips
from nonverbal.collect.download import download
from nonverbal.collect.settings import Channels, Clips, Download, Network
from nonverbal.config import SCHEMA
from nonverbal.dataset.funnel import check_balance
from nonverbal.media import run_ffmpeg
from nonverbal.schema import read_rows, read_table, write_table
from nonverbal.speech.diarize import diarize
from nonverbal.speech.settings import Speech
from nonverbal.speech.transcribe import transcribe
from nonverbal.speech.utterances import utterances
from nonverbal.studio.script_lines import script_lines
from nonverbal.studio.script_words import script_words
from nonverbal.studio.settings import Studio
from nonverbal.studio.side_turns import side_turns
from nonverbal.studio.side_voices import side_voices
from nonverbal.studio.side_words import side_words
from nonverbal.studio.sides import sides

NETWORK = Network(timeout_s=1, retries=0)


@pytest.fixture(scope="module")
def config() -> dict:
    return yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())


@pytest.fixture(scope="module")
def made(recorded, config, tmp_path_factory):
    """A folder of tables, made of one camera's recording, a mono file, a badly named file and a plain video."""
    root = tmp_path_factory.mktemp("flow")
    takes, plain = root / "takes_left", root / "plain"
    takes.mkdir()
    plain.mkdir()
    shutil.copy(recorded, takes / f"{NAME}_left.mp4")
    run_ffmpeg("-i", str(recorded), "-t", "2", "-c:v", "copy", "-ac", "1", str(takes / "20240513_ab_left.mp4"))
    run_ffmpeg("-i", str(recorded), "-t", "2", "-c", "copy", str(takes / "rehearsal.mp4"))
    run_ffmpeg("-i", str(recorded), "-t", "3", "-c", "copy", str(plain / f"{NAME}_left.mp4"))
    script = {"a": [(0, "Penguins juggle."), (1, "Quietly.")], "b": LINES}
    (root / "script.json").write_text(json.dumps({
        key: {"topic_label": key, "num_utterances": len(lines), "utterances": [
            {"utterance_id": i, "speaker_id": who, "emotion_label": "anger", "text": text}
            for i, (who, text) in enumerate(lines)
        ]} for key, lines in script.items()
    }))  # fmt: skip
    t = {name: root / f"{name}.parquet" for name in (
        "sources", "channels", "shard", "keep_people", "download", "sides", "clips", "side_voices", "side_turns",
        "turns", "speakers", "side_heard", "side_words", "script_lines", "transcript", "languages",
    )}  # fmt: skip
    folders = {name: root / f"{name}_files" for name in ("download", "sides", "clips")}
    studio, speech = Studio.model_validate(config["studio"]), Speech.model_validate(config["speech"])
    listed = [{"kind": "studio", "folder": str(takes)}, str(plain)]
    dates = Channels(first_date=None, last_date=None, videos_per_channel=9)
    channels([takes, plain], t["sources"], t["channels"], [t["shard"]], listed, dates, NETWORK)
    wanted = [row["video_id"] for row in read_rows(t["shard"], "channels")]
    kept = {"kept": True, "reason": "", "detail": ""}
    write_table(t["keep_people"], "keep_people", [{"video_id": video_id, **kept} for video_id in wanted])
    fetching = Download(max_height=720, caption_languages=("en",), licences=None, drop_unreachable=False)
    download(t["shard"], t["keep_people"], t["download"], folders["download"], fetching, NETWORK)
    sides(t["shard"], t["download"], folders["download"], t["sides"], folders["sides"], [str(takes)], studio.sides)
    cut = Clips(skip_s=0, length_s=2)
    clips(t["download"], folders["download"], t["clips"], folders["clips"], cut, sides=[t["sides"]])
    side_voices(t["sides"], folders["sides"], t["side_voices"], speech.diarize)
    side_turns(t["sides"], t["side_voices"], t["side_turns"], t["turns"], t["speakers"], studio.side_turns)
    side_words(
        t["sides"], folders["sides"], t["side_turns"], t["download"], folders["download"], t["side_heard"],
        t["side_words"], speech.transcribe,
    )  # fmt: skip
    script_lines(t["sides"], t["side_heard"], [root / "script.json"], t["script_lines"], studio.script_lines)
    script_words(
        t["sides"], folders["sides"], t["side_turns"], t["side_heard"], t["side_words"], t["script_lines"],
        t["download"], t["transcript"], t["languages"], studio.script_words, speech.transcribe,
    )  # fmt: skip
    return t, folders, speech


def test_every_file_is_accounted_for(made):
    t, _, _ = made
    reasons = {row["title"]: row["reason"] for row in read_rows(t["channels"], "channels")}
    assert reasons["rehearsal"] == "bad_name"
    rows = read_table(t["clips"], "clips")
    assert rows["reason"].tolist().count("not_stereo") == 1
    assert len(rows[rows["kept"] & (rows["channel_id"] == NAME)]) == 1  # whole, however long a clip is elsewhere
    names = ("sources", "channels", "keep_people", "download", "clips")
    tables = {name: read_table(t[name], name) for name in names}
    kept = tables["clips"].loc[tables["clips"]["kept"], "clip_id"]
    for name in ("keep_two_speakers", "keep_language", "keep_visible", "keep_safe"):
        tables[name] = read_table(t["keep_people"], "keep_people").head(0).rename(columns={"video_id": "clip_id"})
        tables[name] = tables[name].reindex(range(len(kept))).assign(clip_id=kept.tolist(), kept=True, reason="")
    check_balance(tables)


def test_cross_talk_is_rejected_and_speakers_are_channels(made, spoken):
    t, _, _ = made
    truth = Annotation()
    for number, (who, start, end) in enumerate(spoken[1]):
        truth[Segment(start, end), number] = str(who)
    turns = read_table(t["turns"], "turns")
    assert turns["clip_id"].nunique() == 1
    assert "cross_talk" in set(read_table(t["side_turns"], "side_turns")["reason"])
    for _, rows in turns.groupby("clip_id"):
        found = Annotation()
        for number, row in enumerate(rows.itertuples()):
            found[Segment(row.start_s, row.end_s), number] = str(row.speaker)
        detail = DiarizationErrorRate(collar=0.25).compute_components(truth, found)
        wrong = detail["confusion"] + detail["false alarm"] + detail["missed detection"]
        assert wrong / detail["total"] < 0.05
        assert [row.speaker for row in rows.sort_values("start_s").itertuples()] == [who for who, _ in LINES]


def test_segments_are_matched_with_the_script_found_by_its_text(made):
    rows = read_table(made[0]["script_lines"], "script_lines")
    for _, part in rows.groupby("clip_id"):
        assert part["kept"].all()
        assert part["utterance_id"].tolist() == ["0", "1", "2", "3"]
        assert set(part["script_id"]) == {"b"}


def test_words_are_the_scripts_with_times_of_the_recording(made, spoken):
    t, _, _ = made
    words = read_table(t["transcript"], "transcript")
    said = " ".join(text for _, text in LINES)
    for _, rows in words.groupby("clip_id"):
        assert " ".join(rows["word"]) == said
        first = rows.iloc[len(LINES[0][1].split())]  # of the second turn
        assert first["start_s"] == pytest.approx(spoken[1][1][1], abs=0.1)
    assert set(read_table(t["languages"], "languages")["language"]) == {"en"}
    assert set(read_table(t["languages"], "languages")["source"]) == {"script"}


def test_speech_takes_what_the_channels_say_and_measures_the_rest(made, tmp_path):
    t, folders, speech = made
    names = ("turns", "speakers", "transcript", "languages", "words", "utterances", "keep")
    outputs = {name: tmp_path / f"{name}.parquet" for name in names}
    given = [t["turns"], t["speakers"]]
    clip = read_table(t["clips"], "clips")
    kept = clip.loc[clip["kept"], "clip_id"].tolist()
    people = tmp_path / "people.parquet"
    write_table(people, "people", [{"clip_id": one, "pictures": 1, "at_once": 1, "persons": 1} for one in kept])
    diarize(t["clips"], folders["clips"], people, outputs["turns"], outputs["speakers"], speech.diarize, given)
    transcribe(
        t["clips"], folders["clips"], t["download"], folders["download"], outputs["transcript"], outputs["languages"],
        speech.transcribe, [t["transcript"], t["languages"]],
    )  # fmt: skip
    measured = read_table(outputs["speakers"], "speakers")
    assert measured["clip_id"].tolist() == kept
    studio = set(read_table(t["speakers"], "speakers")["clip_id"])
    assert studio < set(kept)  # the plain video is called like a recording, and is none
    assert measured.loc[measured["clip_id"].isin(studio), "speakers"].tolist() == [2]
    decided = [{"clip_id": clip_id, "kept": True, "reason": "", "detail": ""} for clip_id in sorted(studio)]
    write_table(outputs["keep"], "keep_language", decided)
    tables = (outputs[name] for name in ("transcript", "turns", "keep", "words", "utterances"))
    utterances(*tables, True, speech.utterances)
    said = read_table(outputs["utterances"], "utterances")
    for _, rows in said.groupby("clip_id"):
        assert rows["text"].tolist() == [text for _, text in LINES]
        assert rows["speaker"].tolist() == [0, 1, 0, 1]
