"""The studio dialogue of the demonstration: what leaks, what is in the script, and how it is scored."""

import json

import numpy as np
import pytest

from nonverbal.config import SCHEMA
from nonverbal.demo.known import Clip, Known
from nonverbal.demo.recordings import leaked, script_of
from nonverbal.demo.score_studio import channel_score, heard_score, line_scores, studio_scores
from nonverbal.demo.settings import load_corpus
from nonverbal.demo.timeline import make_timeline
from nonverbal.demo.truth_files import SpokenTurn
from nonverbal.studio.names import recording
from nonverbal.studio.script import read_script

TURNS = [SpokenTurn(0, 0, 2, "You left.", []), SpokenTurn(1, 3, 5, "Look, a lamp!", [])]


@pytest.fixture(scope="module")
def spec():
    return load_corpus(SCHEMA.parents[1] / "demo" / "corpus.yaml").studio


def test_each_voice_leaks_into_the_other_channel():
    voices = np.zeros((2, 16000))
    voices[0, :8000] = 1.0
    heard = leaked(voices, -20, np.random.default_rng(0))
    assert heard.shape == (16000, 2)
    assert heard[:8000, 0].mean() == pytest.approx(1, abs=1e-3)
    assert heard[:8000, 1].mean() == pytest.approx(0.1, abs=1e-3)
    assert 0 < np.abs(heard[8000:]).max() < 0.01


def test_every_line_is_said_and_the_script_has_all_but_the_unscripted(spec, tmp_path):
    timeline = make_timeline(spec.video(), np.random.default_rng(0))
    assert [turn.text for turn in timeline.turns] == [line.text for line in spec.said]
    script = script_of(spec, timeline)
    lines = script[spec.script_id]["utterances"]
    assert [line["text"] for line in lines] == [line.text for line in spec.said if line.emotion]
    assert {line["speaker_id"] for line in lines if line["text"] == spec.said[0].text} == {1}  # who stands left
    assert len(lines) < len(spec.said)
    (tmp_path / "script.json").write_text(json.dumps(script))
    assert set(read_script(tmp_path / "script.json")) == {spec.script_id, "9"}


def test_two_files_are_recordings_and_two_must_be_dropped(spec):
    left, right, mono, bad = spec.names("studio")
    assert recording(left).dialogue_id == recording(right).dialogue_id == spec.dialogue_id
    assert recording(mono).dialogue_id != spec.dialogue_id
    assert recording(bad) is None


@pytest.fixture
def known() -> Known:
    """One recording's truth without its files."""
    made = Known.__new__(Known)
    made.clips = made.good = {"a": Clip("a", 0.0, 6.0, 150, True)}
    made.turns = lambda clip: TURNS
    return made


def row(side, start, end, segment=0, **more):
    return {"clip_id": "a", "side": side, "start_s": start, "end_s": end, "segment": segment, **more}


def test_cross_talk_that_is_kept_costs(known):
    voices = [row("left", 0, 2), row("left", 3, 5), row("right", 0, 2), row("right", 3, 5)]
    clean = [voices[0], voices[3]]
    score = channel_score(known, voices, clean)
    assert score.value == 0
    assert channel_score(known, voices, voices).value == score.baseline > 0.9


def test_lines_count_if_they_are_what_was_said(known, tmp_path):
    line = {"utterance_id": 0, "speaker_id": 0, "emotion_label": "anger", "text": "You left."}
    script = {"1": {"topic_label": "t", "num_utterances": 1, "utterances": [line]}}
    (tmp_path / "s.json").write_text(json.dumps(script))
    heard = [row("left", 0, 2, 0, asr="you left"), row("right", 3, 5, 1, asr="look alarm")]
    right = {"clip_id": "a", "segment": 0, "kept": True, "text": "You left.", "emotion_label": "anger"}
    wrong = right | {"segment": 1}
    for lines, shares in (([right], (1, 1)), ([], (0.5, 0)), ([right, wrong], (0.5, 1)), ([wrong], (0, 0))):
        scores = line_scores(known, heard, lines, [tmp_path / "s.json"])
        assert tuple(score.value for score in scores) == shares
    assert heard_score(known, heard).value == pytest.approx(2 / 5)


def test_without_recordings_there_is_no_score(known):
    tables = dict.fromkeys(("side_voices", "side_turns", "side_heard", "script_lines", "published"), ())
    assert list(studio_scores(known, tables, [])) == []
