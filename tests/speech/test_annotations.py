"""Annotators' files: what is written is read back by each format's own library, whatever the words are."""

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import parselmouth
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio import textgrid
from pyannote.database.util import load_rttm
from pympi.Elan import Eaf

from nonverbal.schema import TABLES, write_table
from nonverbal.speech.annotation_files import (
    Annotated,
    Span,
    Speaker,
    one_line,
    write_eaf,
    write_rttm,
    write_textgrid,
    write_vtt,
)  # fmt: skip
from nonverbal.speech.annotations import annotate, annotations, name_speakers

HOSTILE = [
    "-->", "<b>&amp;</b>", '"quoted"', "it's", "ünï—cødé", "日本語", "😀", "a\nb", "\x00\x1b[31m", "\ud7ff\uffff",
    "</v>", "<00:00:01.000>", "NOTE", "]]>", "\\", "%s", "\u2028", "text = \"\"", "\u202eabc", " ", "",
]  # fmt: skip


def said(*rows):
    """(speaker, utterance, word, start, end) -> rows of table words."""
    return pd.DataFrame(
        [
            {
                "clip_id": "c", "utterance_id": utterance, "word_index": i, "speaker": speaker, "word": word,
                "start_s": start, "end_s": end, "interpolated": False,
            }
            for i, (speaker, utterance, word, start, end) in enumerate(rows)
        ],
        columns=TABLES["words"].names,
    )  # fmt: skip


def spoken(*rows):
    return pd.DataFrame([("c", *row) for row in rows], columns=TABLES["turns"].names)


@pytest.fixture
def talk():
    """Two people, 10 s; the second speaks over the end of the first, and every hostile word is said."""
    words = [(0, 0, "Hello,", 0.5, 0.9), (0, 0, "you.", 1.0, 1.4), (1, 1, "What?", 1.3, 1.8)]
    words += [(0, 2, word, 2 + 0.2 * i, 2.15 + 0.2 * i) for i, word in enumerate(HOSTILE)]
    return annotate("c", 10_000, spoken((3, 0.4, 1.5), (1, 1.3, 1.9), (3, 2.0, 6.5), (7, 8, 9)), said(*words))


def test_rttm_has_the_turns_by_speaker(tmp_path, talk):
    write_rttm(tmp_path / "c.rttm", talk)
    found = load_rttm(tmp_path / "c.rttm")["c"]
    heard = [(round(s.start, 3), round(s.end, 3), label) for s, _, label in found.itertracks(yield_label=True)]
    assert heard == [(0.4, 1.5, "speaker0"), (1.3, 1.9, "speaker1"), (2.0, 6.5, "speaker0"), (8, 9, "speaker2")]


def test_webvtt_has_the_utterances_with_voice_and_word_times(tmp_path, talk):
    write_vtt(tmp_path / "c.vtt", talk)
    cues = webvtt.read(tmp_path / "c.vtt").captions
    assert [(cue.start, cue.end, cue.voice) for cue in cues] == [
        ("00:00:00.500", "00:00:01.400", "speaker0"), ("00:00:01.300", "00:00:01.800", "speaker1"),
        ("00:00:02.000", "00:00:06.150", "speaker0"),
    ]  # fmt: skip
    assert cues[0].raw_text == "<v speaker0>Hello, <00:00:01.000>you.</v>"
    plain = cues[2].text
    for escaped, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        plain = plain.replace(escaped, character)
    assert plain == " ".join(map(one_line, HOSTILE))


def test_what_is_written_as_webvtt_is_read_as_captions(tmp_path, talk):
    from nonverbal.speech.captions import read_cues

    write_vtt(tmp_path / "c.vtt", talk)
    cues = read_cues(tmp_path / "c.vtt")
    assert [cue.words for cue in cues[:2]] == [("Hello,", "you."), ("What?",)]
    assert "ünï—cødé" in cues[2].words and '"quoted"' in cues[2].words


def test_praat_reads_the_tiers(tmp_path, talk):
    path = tmp_path / "c.TextGrid"
    write_textgrid(path, talk)
    words = [one_line(word) for word in HOSTILE]
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert grid.maxTimestamp == 10
    assert list(grid.tierNames)[:3] == ["speaker0 turns", "speaker0 utterances", "speaker0 words"]
    assert [entry.label for entry in grid.getTier("speaker0 words").entries] == ["Hello,", "you.", *words]
    assert [tuple(entry) for entry in grid.getTier("speaker1 utterances").entries] == [(1.3, 1.8, "What?")]
    praat = parselmouth.read(str(path))
    assert parselmouth.praat.call(praat, "Get number of tiers") == 9
    count = parselmouth.praat.call(praat, "Get number of intervals", 3)
    labels = [parselmouth.praat.call(praat, "Get label of interval", 3, i + 1) for i in range(count)]
    assert [label for label in labels if label] == ["Hello,", "you.", *words]


def test_elan_reads_the_tiers_and_finds_the_media(tmp_path, talk):
    path = tmp_path / "c.eaf"
    write_eaf(path, talk, ["../media/c.mp4", "../media/c.wav"])
    eaf = Eaf(str(path))
    assert [one["RELATIVE_MEDIA_URL"] for one in eaf.get_linked_files()] == ["../media/c.mp4", "../media/c.wav"]
    assert eaf.get_child_tiers_for("speaker0") == ["speaker0 words"]
    assert eaf.get_parameters_for_linguistic_type("words")["CONSTRAINTS"] == "Included_In"
    assert eaf.get_annotation_data_for_tier("speaker1") == [(1300, 1800, "What?")]
    utterances = eaf.get_annotation_data_for_tier("speaker0")
    words = sorted(eaf.get_annotation_data_for_tier("speaker0 words"))
    assert [text for *_, text in words] == ["Hello,", "you.", *map(one_line, HOSTILE)]
    assert all(any(a <= start < end <= b for a, b, _ in utterances) for start, end, _ in words)
    slots = [int(slot.get("TIME_VALUE")) for slot in ElementTree.parse(path).iter("TIME_SLOT")]
    assert slots == sorted(slots)


def test_a_clip_in_which_nothing_is_said_gives_files_that_can_be_opened(tmp_path):
    nothing = annotate("c", 10_000, None, None)
    write_rttm(tmp_path / "c.rttm", nothing)
    write_vtt(tmp_path / "c.vtt", nothing)
    write_textgrid(tmp_path / "c.TextGrid", nothing)
    write_eaf(tmp_path / "c.eaf", nothing, ["c.mp4", "c.wav"])
    assert load_rttm(tmp_path / "c.rttm") == {}
    assert webvtt.read(tmp_path / "c.vtt").captions == []
    assert parselmouth.praat.call(parselmouth.read(str(tmp_path / "c.TextGrid")), "Get number of tiers") == 3
    assert Eaf(str(tmp_path / "c.eaf")).get_annotation_data_for_tier("speaker0 words") == []


word_lists = st.lists(
    st.tuples(st.integers(0, 2), st.text(max_size=8), st.floats(0, 9.999), st.floats(0, 12)), min_size=1, max_size=12
).map(lambda words: sorted(words, key=lambda word: word[2]))


@settings(max_examples=25, deadline=None)
@given(word_lists)
def test_any_words_in_any_order_come_back(tmp_path_factory, words):
    folder = tmp_path_factory.mktemp("any")
    rows = [(speaker, i, text, start, max(start, end)) for i, (speaker, text, start, end) in enumerate(words)]
    clip = annotate("c", 10_000, None, said(*rows))
    write_textgrid(folder / "c.TextGrid", clip)
    write_eaf(folder / "c.eaf", clip, ["c.mp4", "c.wav"])
    write_vtt(folder / "c.vtt", clip)
    grid, eaf = textgrid.openTextgrid(str(folder / "c.TextGrid"), False), Eaf(str(folder / "c.eaf"))
    assert len(webvtt.read(folder / "c.vtt").captions) == len(words)
    for speaker in clip.speakers:
        expected = [(word.start_ms, word.end_ms, one_line(word.text)) for own in speaker.utterances for word in own]
        assert all(0 <= start < end <= 10_000 for start, end, _ in expected)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(expected))
        assert sorted(eaf.get_annotation_data_for_tier(f"{speaker.name} words")) == expected
        entries = grid.getTier(f"{speaker.name} words").entries
        assert [(round(1000 * a), round(1000 * b), text) for a, b, text in entries] == expected


def test_diarized_speakers_get_the_numbers_of_their_words():
    words = said((0, 0, "a", 0, 1), (1, 1, "b", 1, 2), (0, 2, "c", 2, 3))
    assert name_speakers(spoken((0, 1.1, 1.9), (1, 0, 1), (1, 2, 3), (2, 5, 6)), words) == {0: 1, 1: 0, 2: 2}
    assert name_speakers(spoken((4, 0, 1), (2, 1, 2)), None) == {2: 0, 4: 1}


def test_rule_writes_four_files_a_kept_clip_and_the_same_bytes_again(shard, tmp_path):
    folder = shard(clips=[{}, {"clip_id": "v_001", "audio": "v_001.wav"}, {"clip_id": "v_002"}])
    rows = [
        {"clip_id": f"v_00{i}", "kept": i < 2, "reason": "" if i < 2 else "no_words", "detail": ""} for i in range(3)
    ]
    write_table(folder / "keep.parquet", "keep_language", rows)
    write_table(folder / "turns.parquet", "turns", spoken((0, 0, 1)).assign(clip_id="v_000"))
    write_table(folder / "words.parquet", "words", said((0, 0, "Hi", 0.1, 0.4)).assign(clip_id="v_000"))
    tables = (folder / f"{name}.parquet" for name in ("turns", "keep", "words"))
    turns, keep, words = tables
    contents = []
    for _ in range(2):
        annotations(folder / "clips.parquet", folder, turns, keep, words, folder / "out")
        contents.append({path.name: path.read_bytes() for path in (folder / "out").iterdir()})
    assert sorted(contents[0]) == sorted(
        f"v_00{i}.{kind}" for i in (0, 1) for kind in ("rttm", "vtt", "TextGrid", "eaf")
    )
    assert contents[0] == contents[1]
    linked = Eaf(str(folder / "out" / "v_000.eaf")).get_linked_files()[1]["RELATIVE_MEDIA_URL"]
    assert Path(folder / "out" / linked).resolve() == (folder / "v_000.wav").resolve()


def test_spans_never_leave_a_full_clip():
    words = said(*[(0, 0, "w", 0.0099, 0.0099)] * 5)
    clip = Annotated("c", 10, annotate("c", 10, None, words).speakers)
    assert clip.speakers == [Speaker("speaker0", [], [[Span("w", 5 + i, 6 + i) for i in range(5)]])]
