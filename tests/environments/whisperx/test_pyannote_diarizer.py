"""pyannote.audio's pipelines through their real code: published folders, a true segmentation network, random voices."""

import os
import shutil

import numpy as np
import pyannote.audio.telemetry.metrics as telemetry
import pytest
import torch
import yaml
from tiny_models import write_community, write_pipeline

from nonverbal.errors import UserError
from nonverbal.media import SAMPLE_RATE
from nonverbal.schema import read_table
from nonverbal.speech.diarize import diarize, load_diarizer
from nonverbal.speech.turns import summarise
from nonverbal.studio.side_voices import side_voices

OLD, NEW = "speaker-diarization-3.1", "speaker-diarization-community-1"
PAPER = "speaker-diarization-3.0"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of models with three pipelines."""
    models = tmp_path_factory.mktemp("models")
    write_pipeline(models, OLD, "pyannote/wespeaker-voxceleb-resnet34-LM")
    shutil.copytree(models / OLD, models / PAPER)
    config = (models / OLD / "config.yaml").read_text()
    (models / PAPER / "config.yaml").write_text(config.replace("pyannote/wespeaker", "hbredin/wespeaker"))
    write_community(models / NEW)
    return models


@pytest.fixture(scope="session")
def chosen(speech_settings, folder):
    """Settings and model folders of a pipeline."""

    def choose(pipeline, **changes):
        pyannote = speech_settings.diarize.pyannote.model_copy(update={"pipeline": pipeline} | changes)
        settings = speech_settings.diarize.model_copy(update={"backend": "pyannote", "pyannote": pyannote})
        return settings, [folder / name for name in settings.models]

    return choose


@pytest.mark.parametrize("pipeline", [PAPER, OLD, NEW])
def test_turns_are_in_the_sound_and_speech_is_found(chosen, speech, pipeline):
    turns = load_diarizer(*chosen(pipeline))(speech)
    assert turns[0].speaker == 0
    assert all(0 <= turn.start_s < turn.end_s <= 10 for turn in turns)
    assert 7 < summarise(turns)["speech_s"] <= 10


@pytest.mark.parametrize("pipeline", [OLD, NEW])
def test_number_of_speakers_can_be_given_and_overlap_stays(chosen, speech, pipeline):
    both = np.clip(speech + np.roll(speech, 3 * SAMPLE_RATE), -1, 1)
    turns = load_diarizer(*chosen(pipeline, num_speakers=2))(both)
    assert {turn.speaker for turn in turns} == {0, 1}
    assert summarise(turns)["overlap_s"] > 0.5


@pytest.mark.parametrize("samples", [0, 100, SAMPLE_RATE, 20 * SAMPLE_RATE])
def test_silence_has_no_speakers(chosen, samples):
    assert load_diarizer(*chosen(OLD))(np.zeros(samples, np.float32)) == []


def test_a_second_of_sound_is_enough(chosen, speech):
    turns = load_diarizer(*chosen(OLD))(speech[2 * SAMPLE_RATE : 3 * SAMPLE_RATE])
    assert all(turn.end_s <= 1 for turn in turns)


def test_nothing_is_reported_and_no_token_is_read(chosen, speech, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a report was begun, or the hub was asked")

    monkeypatch.setattr(telemetry.tracer, "start_as_current_span", refuse)
    monkeypatch.setattr("pyannote.audio.core.model.download_from_hf_hub", refuse)
    monkeypatch.setattr("pyannote.audio.core.pipeline.download_from_hf_hub", refuse)
    monkeypatch.setattr("pyannote.audio.core.plda.download_from_hf_hub", refuse)
    load_diarizer(*chosen(OLD))(speech)
    assert not telemetry.is_metrics_enabled()
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_progress_is_told(chosen, speech, monkeypatch, caplog):
    monkeypatch.setattr("nonverbal.progress.LOG_EVERY_S", 0.0)
    with caplog.at_level("INFO", logger="nonverbal"):
        load_diarizer(*chosen(OLD))(speech)
    assert any("diarize: embeddings 1/" in record.message for record in caplog.records)


def test_a_network_that_is_not_in_the_registry_is_named(chosen, folder, tmp_path):
    settings, models = chosen(OLD)
    shutil.copytree(folder / OLD, tmp_path / OLD)
    config = yaml.safe_load((folder / OLD / "config.yaml").read_text())
    config["pipeline"]["params"]["embedding"] = "somebody/other-voices"
    (tmp_path / OLD / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="names the network somebody/other-voices"):
        load_diarizer(settings, [tmp_path / OLD, *models[1:]])


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_checkpoint_that_would_run_code_is_refused(chosen, folder, tmp_path):
    settings, models = chosen(OLD)
    (tmp_path / "segmentation-3.0").mkdir()
    torch.save({"state_dict": {}, "x": Harmful(tmp_path / "ran")}, tmp_path / "segmentation-3.0" / "pytorch_model.bin")
    with pytest.raises(UserError, match="holds more than weights"):
        load_diarizer(settings, [models[0], tmp_path / "segmentation-3.0", models[2]])
    assert not (tmp_path / "ran").exists()


def test_the_rule_writes_one_row_a_clip(chosen, shard):
    names = ("clips.parquet", "", "people.parquet", "t.parquet", "s.parquet")
    settings, models = chosen(OLD, num_speakers=2)
    diarize(*(shard / name for name in names), settings, models=models)
    speakers = read_table(shard / "s.parquet", "speakers")
    assert speakers["clip_id"].tolist() == ["v_000", "v_001"]
    assert speakers["speakers"].tolist() == [2, 0]
    assert set(read_table(shard / "t.parquet", "turns")["clip_id"]) == {"v_000"}


def test_voices_of_a_studio_recording_are_told_apart_on_each_channel(recording, chosen):
    settings, models = chosen(NEW)
    side_voices(recording / "sides.parquet", recording, recording / "voices.parquet", settings, models)
    voices = read_table(recording / "voices.parquet", "side_voices")
    assert set(voices["side"]) == {"left", "right"}
    left = voices[voices["side"] == "left"]
    assert (left["loudness_dbfs"] - left["other_dbfs"] - 20).abs().max() < 0.5
