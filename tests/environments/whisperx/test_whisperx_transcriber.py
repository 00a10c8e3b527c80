"""WhisperX through its real code, with a Whisper that always writes one text and an aligner with random weights."""

import itertools

import numpy as np
import pandas as pd
import pytest
import whisperx
from tiny_models import write_aligner, write_whisper

from nonverbal.media import SAMPLE_RATE
from nonverbal.schema import read_table, write_table
from nonverbal.speech import whisperx_transcriber
from nonverbal.speech.transcribe import load_transcriber, transcribe
from nonverbal.speech.transcript import Spoken
from nonverbal.speech.utterances import assign
from nonverbal.studio.side_words import side_words

TEXT = "Hello there. It was 1999, was it? 42. - Yes!"
WORDS = ["Hello", "there.", "It", "was", "1999,", "was", "it?", "42.", "Yes!"]


@pytest.fixture(scope="session")
def make(tmp_path_factory, speech_settings):
    """Settings and models for a Whisper that hears a language."""
    aligner = tmp_path_factory.mktemp("aligner") / "wav2vec2-base-960h"
    write_aligner(aligner)

    def models(language):
        folder = tmp_path_factory.mktemp(language) / "faster-whisper-large-v3"
        write_whisper(folder, tmp_path_factory.mktemp("work"), TEXT, language)
        return speech_settings.transcribe.model_copy(update={"backend": "whisperx"}), [folder, aligner]

    return models


@pytest.fixture(scope="session")
def english(make):
    return make("en")


@pytest.fixture(scope="session")
def transcriber(english):
    return load_transcriber(*english)


def spoken(samples):
    return Spoken(samples, [], "", "")


def test_every_word_has_a_time_and_the_language_its_probability(transcriber, speech):
    found = transcriber(spoken(speech))
    texts = [word.word for word in found.words]
    assert len(texts) % len(WORDS) == 0 and texts == WORDS * (len(texts) // len(WORDS)) and texts
    assert all(0 <= word.start_s < word.end_s <= 10 for word in found.words)
    assert all(first.start_s <= second.start_s for first, second in itertools.pairwise(found.words))
    assert (found.words_source, found.language.code, found.language.source) == ("decoded", "en", "sound")
    assert 0.5 < found.language.score <= 1


def test_words_are_in_speech(transcriber, speech):
    sound = np.concatenate([np.zeros(8 * SAMPLE_RATE, np.float32), speech])
    assert min(word.start_s for word in transcriber(spoken(sound)).words) > 7.5


def test_numbers_are_kept_and_marked_and_nothing_else_is(transcriber, speech):
    found = transcriber(spoken(speech)).words
    assert {word.word for word in found if word.interpolated} == {"1999,", "42."}
    assert all((word.confidence is None) == word.interpolated for word in found)


@pytest.mark.parametrize("samples", [0, 100, SAMPLE_RATE, 40 * SAMPLE_RATE])
def test_silence_has_no_words_and_no_language(transcriber, samples):
    found = transcriber(spoken(np.zeros(samples, np.float32)))
    assert (found.words, found.words_source, found.language.code, found.language.source) == (
        [],
        "no_speech",
        "",
        "none",
    )


def test_a_language_without_aligner_keeps_its_words_spread_and_marked(make, speech):
    found = load_transcriber(*make("fi"))(spoken(speech))
    assert [word.word for word in found.words][: len(WORDS)] == WORDS
    assert found.language.code == "fi"
    assert all(word.interpolated for word in found.words)


def test_the_rule_loads_each_model_once_for_a_shard(english, shard, monkeypatch):
    loaded = []
    for name in ("load_model", "load_align_model"):
        real = getattr(whisperx_transcriber, name)
        monkeypatch.setattr(
            whisperx_transcriber, name, lambda *a, real=real, name=name, **k: (loaded.append(name), real(*a, **k))[1]
        )
    names = ("clips.parquet", "", "download.parquet", "", "t.parquet", "l.parquet")
    transcribe(*(shard / name for name in names), english[0], models=english[1])
    assert sorted(loaded) == ["load_align_model", "load_model"]
    words, languages = read_table(shard / "t.parquet", "transcript"), read_table(shard / "l.parquet", "languages")
    assert set(words["clip_id"]) == {"v_000"}
    assert languages[["clip_id", "language", "source", "words_source"]].values.tolist() == [
        ["v_000", "en", "sound", "decoded"], ["v_001", "", "none", "no_speech"],
    ]  # fmt: skip


def test_words_get_the_speakers_that_whisperx_gives_them(transcriber, speech):
    words = transcriber(spoken(speech)).words
    turns = pd.DataFrame({"start_s": [0.0, 4.0, 4.5], "end_s": [4.2, 6.0, 10.0], "speaker": [0, 1, 0]})
    segments = [{"start": w.start_s, "end": w.end_s, "words": [{"start": w.start_s, "end": w.end_s}]} for w in words]
    theirs = whisperx.assign_word_speakers(
        turns.rename(columns={"start_s": "start", "end_s": "end"}), {"segments": segments}, fill_nearest=True
    )
    start, end = (np.array([getattr(word, name) for word in words]) for name in ("start_s", "end_s"))
    ours = assign(start, end, turns, flip_margin=0.0)
    assert ours.tolist() == [segment["words"][0]["speaker"] for segment in theirs["segments"]]


def test_segments_of_a_studio_recording_are_heard(recording, english):
    turns = [
        {"clip_id": "v_000", "side": side, "segment": number, "voice": 0, "start_s": start, "end_s": end,
         "loudness_dbfs": -20.0, "kept": True, "reason": "", "detail": ""}
        for number, (side, start, end) in enumerate([("left", 0.0, 4.0), ("right", 4.0, 9.0)])
    ]  # fmt: skip
    write_table(recording / "side_turns.parquet", "side_turns", turns)
    settings, models = english
    tables = [recording / f"{name}.parquet" for name in ("side_heard", "side_words")]
    side_words(
        recording / "sides.parquet", recording, recording / "side_turns.parquet", recording / "download.parquet",
        recording, *tables, settings, models,
    )  # fmt: skip
    heard, words = read_table(tables[0], "side_heard"), read_table(tables[1], "side_words")
    assert heard["language"].tolist() == ["en", "en"] and heard["asr_flag"].all()
    for row in heard.itertuples():
        of_segment = words[words["segment"] == row.segment]
        assert " ".join(of_segment["word"]) == row.asr
        assert of_segment["start_s"].min() >= row.start_s and of_segment["end_s"].max() <= row.end_s
