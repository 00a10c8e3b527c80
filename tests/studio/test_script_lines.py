"""Script files, and which line a segment is."""

import json

import numpy as np
import pytest
from studio_media import LINES

from nonverbal.errors import UserError
from nonverbal.schema import as_table
from nonverbal.studio.script import Dialogue, Line, likeness, read_script, spoken_words, tokens
from nonverbal.studio.script_lines import assign, find_dialogue, match


def dialogue(lines=LINES, script_id="7") -> Dialogue:
    made = tuple(Line(str(i), speaker, "anger", text) for i, (speaker, text) in enumerate(lines))
    return Dialogue(script_id, "trust", made)


def heard(side, text, segment=0):
    return {"clip_id": "a_000", "segment": segment, "side": side, "asr": text}


def rows(*said):
    return [heard(side, text, number) for number, (side, text) in enumerate(said)]


def test_a_script_is_read_as_published(tmp_path):
    line = {"utterance_id": 3, "speaker_id": 1, "emotion_label": "joy", "text": "Hello."}
    (tmp_path / "s.json").write_text(json.dumps({"d": {"topic_label": 4, "num_utterances": 1, "utterances": [line]}}))
    (found,) = read_script(tmp_path / "s.json").values()
    assert found == Dialogue("d", "4", (Line("3", 1, "joy", "Hello."),))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("no json", "is no JSON text"),
        ("[]", "must be {dialogue_id"),
        ('{"d": 3}', "dialogue d"),
        ('{"d": {"topic_label": "t", "num_utterances": 2, "utterances": []}}', "num_utterances is 2"),
        ('{"d": {"topic_label": "t", "num_utterances": 1, "utterances": [{"speaker_id": 2}]}}', "utterances.0."),
    ],
)  # fmt: skip
def test_a_wrong_script_is_one_sentence(tmp_path, text, expected):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(UserError, match=r"s\.json") as caught:
        read_script(tmp_path / "s.json")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tokens_are_words_and_chinese_characters():
    assert tokens("Don’t stop, 3 times!") == ["don't", "stop", "3", "times"]
    assert tokens("你好, world") == ["你", "好", "world"]
    assert spoken_words("你好! Fine, then - yes.") == ("你", "好", "Fine,", "then", "yes.")


def test_likeness_of_the_same_text_is_one_and_of_nothing_zero():
    found = likeness(["late train", ""], ["the late train", "late train", ""])
    assert found.shape == (2, 3)
    assert found[0, 1] == pytest.approx(1)
    assert found[0, 0] < 1
    assert not found[1].any() and not found[:, 2].any()
    assert not likeness(["a"], ["", "..."]).any()


def test_segments_get_their_lines_through_errors_of_recognition():
    said = rows(
        ("left", "you left the awful without a bird"),
        ("right", "i am sorely the train was leaked"),
        ("left", "that is the bird time this month"),
        ("right", "then let me look dinner"),
    )
    found = match(said, dialogue(), 0.2)
    assert [row["utterance_id"] for row in found] == ["0", "1", "2", "3"]
    assert all(row["kept"] and row["emotion_label"] == "anger" and row["topic_label"] == "trust" for row in found)
    as_table("script_lines", found)


def test_the_script_does_not_say_who_stands_left():
    said = rows(("right", LINES[0][1]), ("left", LINES[1][1]))
    assert [row["utterance_id"] for row in match(said, dialogue(), 0.2)] == ["0", "1"]


def test_a_line_of_the_other_actor_is_not_taken():
    said = rows(("left", LINES[0][1]), ("right", LINES[1][1]), ("left", LINES[3][1]))
    assert [row["reason"] for row in match(said, dialogue(), 0.2)] == ["", "", "line_taken"]


def test_each_reason_for_no_line():
    said = rows(("left", LINES[0][1]), ("right", ""), ("right", "penguins juggle quietly"), ("left", LINES[0][1]))
    found = match(said, dialogue(), 0.2)
    assert [row["reason"] for row in found][1:3] == ["no_words", "not_in_script"]
    assert sorted([found[0]["reason"], found[3]["reason"]]) == ["", "line_taken"]
    assert {row["reason"] for row in match(said, None, 0.2)} == {"no_script"}
    as_table("script_lines", found + match(said, None, 0.2))


def test_equal_lines_are_told_apart_by_order():
    lines = [(0, "yes, of course"), (1, "why did you leave"), (0, "yes, of course"), (1, "because of the rain")]
    said = rows(("left", "yes of course"), ("right", "why did you leave"), ("left", "yes of course"))
    assert [row["utterance_id"] for row in match(said, dialogue(lines), 0.2)] == ["0", "1", "2"]


def test_below_the_threshold_nothing_is_matched():
    scores = np.array([[0.19, 0.0], [0.0, 0.5]])
    assert assign(scores, [0, 1], [0, 1], 0.2) == {1: 1}
    assert assign(np.zeros((0, 2)), [], [0, 1], 0.2) == {}


def test_the_dialogue_is_found_by_name_or_by_text():
    script = {"7": dialogue(), "8": dialogue([(0, "penguins juggle"), (1, "very quietly")], "8")}
    said = rows(("left", LINES[1][1]))
    assert find_dialogue("8", said, script, 0.2).script_id == "8"
    assert find_dialogue("20240512_ab", said, script, 0.2).script_id == "7"
    assert find_dialogue("20240512_ab", rows(("left", "zebra")), script, 0.2) is None
    assert find_dialogue("20240512_ab", said, {}, 0.2) is None
