"""F4: each reason for a drop, what the detail rests on, and the filter turned off."""

import pytest

from nonverbal.schema import read_table, write_table
from nonverbal.speech.keep_language import decide, keep_language

GOOD = {"language": "en", "score": 1.0, "source": "captions", "words": 25, "words_source": "captions_aligned"}
NONE = {"language": "", "score": 0.0, "source": "none", "words": 9, "words_source": "decoded"}


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({}, "", "Language en by the label of the caption track (score 1.00); 25 words"),
        ({"source": "container"}, "", "by the language tag of the file"),
        ({"language": "de", "source": "captions_text", "score": 0.97}, "other_language", "by the text of the captions"),
        ({"score": 0.4, "source": "captions_text"}, "language_undetermined", "(score 0.40)"),
        (NONE, "language_undetermined", "cannot tell one from sound"),
        ({"words": 0, "words_source": "none"}, "no_words", "0 words"),
    ],
)
def test_decisions(speech_settings, changes, reason, told):
    decision = decide(GOOD | changes, speech_settings.keep_language)
    assert (decision["kept"], decision["reason"]) == (not reason, reason)
    assert told in decision["detail"]


def test_off_keeps_everything_and_says_so(speech_settings):
    off = speech_settings.keep_language.model_copy(update={"enabled": False})
    decision = decide(GOOD | NONE, off)
    assert decision["kept"] and decision["detail"].startswith("The filter is off.")


def test_units_are_the_clips_that_two_speakers_kept(tmp_path, speech_settings):
    write_table(tmp_path / "l.parquet", "languages", [{"clip_id": c, **GOOD} for c in ("a", "b", "c")])
    decisions = [("c", True, ""), ("a", True, ""), ("b", False, "silent")]
    rows = [{"clip_id": c, "kept": kept, "reason": reason, "detail": ""} for c, kept, reason in decisions]
    write_table(tmp_path / "k.parquet", "keep_two_speakers", rows)
    keep_language(
        tmp_path / "l.parquet", tmp_path / "k.parquet", tmp_path / "out.parquet", speech_settings.keep_language
    )
    assert read_table(tmp_path / "out.parquet", "keep_language")["clip_id"].tolist() == ["c", "a"]
