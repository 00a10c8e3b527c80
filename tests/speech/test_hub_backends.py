"""What needs no whisperx and no pyannote.audio: words of a stretch, turns of an annotation, mistakes of a user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyannote.core import Annotation, Segment

from nonverbal.errors import UserError
from nonverbal.schema import write_table
from nonverbal.speech.diarize import diarize, load_diarizer
from nonverbal.speech.keep_language import decide
from nonverbal.speech.stretches import split, spread, timed
from nonverbal.speech.transcribe import load_transcriber
from nonverbal.speech.turns import Turn, annotated_turns

ALPHABET = set("abcdefghijklmnopqrstuvwxyz'")


def word(text, start=None, end=None, score=0.9, **more):
    times = {} if start is None else {"start": start, "end": end, "score": score}
    return {"word": text, **times, **more}


def test_words_without_a_time_share_the_gap_and_are_marked():
    aligned = [word("In", 1.0, 1.2), word("1999"), word("and"), word("so", 3.0, 3.5), word("on.")]
    found = timed(aligned, "In 1999 and so on.", "en", ALPHABET, 0.5, 4.0)
    assert [one.word for one in found] == ["In", "1999", "and", "so", "on."]
    assert [one.interpolated for one in found] == [False, True, True, False, True]
    assert (found[1].start_s, found[2].end_s) == (1.2, 3.0)
    assert found[1].end_s == found[2].start_s == pytest.approx(1.2 + 1.8 * 5 / 9)
    assert (found[4].start_s, found[4].end_s) == (3.5, 4.0)


def test_words_before_the_first_time_begin_with_the_stretch():
    found = timed([word("7"), word("up", 2.0, 2.2)], "7 up", "en", ALPHABET, 1.5, 3.0)
    assert (found[0].start_s, found[0].end_s, found[0].interpolated) == (1.5, 2.0, True)


def test_a_time_that_only_neighbours_bound_is_marked():
    found = timed([word("at", 1.0, 1.2), word("10:30", 1.2, 1.9)], "at 10:30", "en", ALPHABET, 1.0, 2.0)
    assert [(one.interpolated, one.confidence) for one in found] == [(False, 0.9), (True, None)]
    assert found[1].start_s == 1.2


def test_words_are_read_by_their_fields_whatever_else_is_there():
    aligned = [word("Hi.", 1.0, 1.2, speaker="A", chars=[], avg_logprob=-1)]
    assert timed(aligned, " Hi.", "en", ALPHABET, 0, 2)[0].confidence == 0.9


def test_lost_words_come_back_spread():
    found = timed([word("Hello", 1.0, 1.2)], "Hello again", "en", ALPHABET, 1.0, 3.0)
    assert [(one.word, one.interpolated) for one in found] == [("Hello", True), ("again", True)]
    assert timed([], "42", "en", ALPHABET, 1.0, 3.0)[0].word == "42"


def test_marks_alone_are_no_words():
    assert [one.word for one in timed([word("-", 0, 1), word("Yes", 1, 2)], "- Yes", "en", ALPHABET, 0, 2)] == ["Yes"]
    assert spread("♪ ...", "en", 0, 1) == [] == timed([], "", "en", ALPHABET, 0, 1)


def test_languages_without_spaces_have_a_character_a_word():
    assert split("你好 吗", "zh") == ("你", "好", "吗")
    assert split("you there", "en") == ("you", "there")


texts = st.lists(st.text("ab1", min_size=1, max_size=5), min_size=1, max_size=8)


@given(texts, st.data())
def test_no_word_is_ever_lost_and_order_stays(words, data):
    at, aligned = 1.0, []
    for text in words:
        has_time, length = data.draw(st.booleans()), data.draw(st.floats(0.01, 0.5))
        aligned.append(word(text, at, at + length) if has_time else word(text))
        at += length
    found = timed(aligned, " ".join(words), "en", ALPHABET, 0.5, at)
    assert [one.word for one in found] == words
    assert all(0.5 <= one.start_s <= one.end_s <= at for one in found)
    assert [one.start_s for one in found] == sorted(one.start_s for one in found)


def test_overlapping_turns_of_an_annotation_stay_and_end_with_the_sound():
    annotation = Annotation()
    annotation[Segment(2.0, 5.0), "_"] = "SPEAKER_00"
    annotation[Segment(-0.1, 3.0), "_"] = "SPEAKER_01"
    annotation[Segment(4.5, 9.0), "_"] = "SPEAKER_01"
    annotation[Segment(8.0, 9.0), "_"] = "SPEAKER_02"
    assert annotated_turns(annotation, 8.0) == [Turn(0, 0.0, 3.0), Turn(1, 2.0, 5.0), Turn(0, 4.5, 8.0)]


@pytest.mark.parametrize(
    ("load", "section", "backend"),
    [(load_diarizer, "diarize", "pyannote"), (load_transcriber, "transcribe", "whisperx")],
)
def test_a_backend_whose_packages_are_not_here_says_what_to_do(speech_settings, load, section, backend):
    settings = getattr(speech_settings, section).model_copy(update={"backend": backend})
    with pytest.raises(UserError, match=rf"config key speech\.{section}\.backend: .*--sdm conda") as caught:
        load(settings)
    assert "\n" not in str(caught.value)


def test_nothing_is_loaded_for_a_shard_without_clips(speech_settings, tmp_path):
    for name in ("clips", "people"):
        write_table(tmp_path / f"{name}.parquet", name, [])
    settings = speech_settings.diarize.model_copy(update={"backend": "pyannote"})
    names = ("clips.parquet", "", "people.parquet", "t.parquet", "s.parquet")
    diarize(*(tmp_path / name for name in names), settings)
    assert (tmp_path / "s.parquet").is_file()


@pytest.mark.parametrize(("backend", "family", "gpus"), [("embedded", "speech", 0), ("pyannote", "whisperx", 1)])
def test_a_backend_brings_its_environment_gpu_and_models(speech_settings, backend, family, gpus):
    settings = speech_settings.diarize.model_copy(update={"backend": backend})
    assert (settings.family, settings.gpus, bool(settings.models)) == (family, gpus, bool(gpus))


@pytest.mark.parametrize(
    ("changes", "kept", "reason", "said"),
    [
        ({}, True, "", "Language en by its sound (score 0.93); 7 words: words are decoded from the sound."),
        (
            {"language": "", "score": 0.0, "source": "none", "words": 0, "words_source": "no_speech"},
            False, "language_undetermined", "No language is known; 0 words: no speech is heard.",
        ),
    ],
)  # fmt: skip
def test_language_from_sound_is_told(speech_settings, changes, kept, reason, said):
    found = {"language": "en", "score": 0.93, "source": "sound", "words": 7, "words_source": "decoded"} | changes
    decision = decide(found, speech_settings.keep_language)
    assert (decision["kept"], decision["reason"], decision["detail"]) == (kept, reason, said)
