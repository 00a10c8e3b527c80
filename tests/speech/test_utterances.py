"""P2: words get the speaker whose turns cover them, and utterances are their runs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.schema import TABLES, read_table, write_table
from nonverbal.speech.settings import Utterances
from nonverbal.speech.utterances import assign, label_words, merge_words, of_two, utterances

SETTINGS = Utterances(longest_pause_s=5, flip_margin=0.5)


def said(*spans, clip="c"):
    rows = [
        {
            "clip_id": clip, "word_index": i, "word": f"w{i}", "start_s": start, "end_s": end,
            "confidence": None, "interpolated": False,
        }
        for i, (start, end) in enumerate(spans)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=TABLES["transcript"].names)


def spoken(*turns, clip="c"):
    rows = [{"clip_id": clip, "speaker": who, "start_s": start, "end_s": end} for who, start, end in turns]
    return pd.DataFrame(rows, columns=TABLES["turns"].names)


def test_words_go_to_the_speaker_whose_turns_cover_most():
    words = label_words(said((0, 1), (1, 2), (1.8, 3), (3, 4)), spoken((1, 0, 2), (0, 2, 4)), SETTINGS)
    assert words["speaker"].tolist() == [0, 0, 1, 1]  # numbered by first word, not by diarization
    assert words["utterance_id"].tolist() == [0, 0, 1, 1]


def test_a_word_outside_all_turns_goes_to_the_nearest():
    words = label_words(said((0, 1), (1.2, 1.4), (2.6, 2.9), (3, 4)), spoken((0, 0, 1), (1, 3, 4)), SETTINGS)
    assert words["speaker"].tolist() == [0, 0, 1, 1]


def test_a_lone_word_on_weak_evidence_follows_its_neighbours():
    turns = spoken((0, 0, 1.45), (1, 1.45, 2.1), (0, 2.1, 4))
    weak = said((0, 1), (1.1, 1.9), (2.2, 3))  # 0.45 s against 0.35 s
    strong = said((0, 1), (1.4, 2.1), (2.2, 3))  # 0.65 s against 0.05 s
    assert label_words(weak, turns, SETTINGS)["speaker"].tolist() == [0, 0, 0]
    assert label_words(strong, turns, SETTINGS)["speaker"].tolist() == [0, 1, 0]


def test_a_long_pause_ends_an_utterance():
    words = label_words(said((0, 1), (5.9, 7), (12.1, 13)), spoken((0, 0, 20)), SETTINGS)
    assert words["utterance_id"].tolist() == [0, 0, 1]


def test_without_turns_all_words_are_one_speaker():
    assert label_words(said((0, 1), (1, 2)), spoken(), SETTINGS)["speaker"].tolist() == [0, 0]


def test_three_speakers_are_three():
    words = label_words(said((0, 1), (1, 2), (2, 3)), spoken((2, 0, 1), (0, 1, 2), (1, 2, 3)), SETTINGS)
    assert words["speaker"].tolist() == [0, 1, 2]


def test_turns_of_voices_after_the_second_are_nobodys():
    turns = spoken((0, 0, 5), (1, 5, 9), (2, 9, 9.5), (0, 9.5, 12))
    assert of_two(turns)["speaker"].tolist() == [0, 1, 0]
    assert of_two(turns.head(0)).empty


spans = st.lists(st.tuples(st.floats(0, 20), st.floats(0.05, 2)), min_size=1, max_size=15)


@given(spans, st.lists(st.tuples(st.integers(0, 3), st.floats(0, 20), st.floats(0.1, 5)), max_size=8))
def test_utterances_partition_the_words_in_order(word_spans, turn_spans):
    words = said(*[(start, start + length) for start, length in sorted(word_spans)])
    turns = spoken(*[(who, start, start + length) for who, start, length in turn_spans])
    labelled = label_words(words, turns, SETTINGS)
    merged = merge_words(labelled)
    assert " ".join(merged["text"]) == " ".join(words["word"])
    assert merged["words"].sum() == len(words)
    assert merged["utterance_id"].tolist() == list(range(len(merged)))
    assert list(dict.fromkeys(labelled["speaker"])) == list(range(labelled["speaker"].nunique()))
    assert set(labelled["speaker"]) <= set(range(max(1, len({who for who, *_ in turn_spans}))))
    assert (merged["end_s"] >= merged["start_s"]).all()


def test_assignment_takes_overlap_summed_over_turns():
    turns = spoken((0, 0.0, 0.3), (1, 0.3, 0.65), (0, 0.65, 1.0))
    assert assign(np.array([0.0]), np.array([1.0]), turns, 0.5).tolist() == [0]


@pytest.mark.parametrize("kept", [[], ["b", "a"]])
def test_rule_takes_kept_clips_and_a_clip_without_words_has_no_utterance(tmp_path, kept):
    transcript = pd.concat([said((0, 1), (1, 2), clip="a"), said((0, 1), clip="dropped")])
    write_table(tmp_path / "transcript.parquet", "transcript", transcript)
    write_table(tmp_path / "turns.parquet", "turns", spoken((0, 0, 2), clip="a"))
    rows = [{"clip_id": c, "kept": c in kept, "reason": "" if c in kept else "no_words", "detail": ""} for c in "ba"]
    write_table(tmp_path / "keep.parquet", "keep_language", rows)
    paths = [tmp_path / f"{name}.parquet" for name in ("transcript", "turns", "keep", "words", "utterances")]
    utterances(*paths, True, SETTINGS)
    found = read_table(paths[-1], "utterances")
    assert found["clip_id"].tolist() == (["a"] if kept else [])
    assert found["text"].tolist() == (["w0 w1"] if kept else [])
    assert len(read_table(paths[-2], "words")) == (2 if kept else 0)
