import json

import pytest

from nonverbal.mars.interleave import parse
from nonverbal.mars.sequences import SYSTEM_PROMPT, sequences
from nonverbal.mars.settings import Sequences
from nonverbal.schema import SchemaError, read_table, write_table

SEEN = {"face": [(100, [1])]}


def make(tables, tmp_path, context_turns=1):
    corpus = tables.write(tmp_path)
    sequences(**corpus.tables, **corpus.records, settings=Sequences(context_turns=context_turns))
    return {name: [json.loads(line) for line in path.open()] for name, path in corpus.records.items()}


def three_turns(tables, clip_id="video000000_000", **last):
    """Turns at 0, 2 and 4 s; the motion of each at its first frame."""
    for number, start in enumerate((0.0, 2.0, 4.0)):
        extra = last if number == 2 else {}
        runs = {"face": [(int(start * 25), [number])]}
        tables.utterance(clip_id, number, [(f"word{number}", start)], start + 1, **({"runs": runs} | extra))


def test_each_answer_is_a_chat_record(tables, tmp_path):
    tables.clip("video000000_000", "train")
    three_turns(tables)
    first, second = make(tables, tmp_path)["train"]
    assert first["utterances"] == [0, 1] and second["utterances"] == [1, 2]
    assert first["messages"] == [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": "word0<FACE_0>"},
        {"role": "assistant", "content": "word1<FACE_1>"},
    ]


def test_longer_context_knows_who_spoke(tables, tmp_path):
    tables.clip("video000000_000", "test")
    three_turns(tables)
    record = make(tables, tmp_path, context_turns=2)["test"][1]
    assert record["utterances"] == [0, 1, 2]
    assert [message["role"] for message in record["messages"]] == ["system", "assistant", "user", "assistant"]


def test_two_utterances_of_one_speaker_are_one_message(tables, tmp_path):
    tables.clip("video000000_000", "train")
    for number, (speaker, start) in enumerate(((0, 0.0), (0, 2.0), (1, 4.0))):
        runs = {"body": [(int(start * 25), [number])]}
        tables.utterance("video000000_000", number, [(f"w{number}", start)], start + 1, speaker=speaker, runs=runs)
    (record,) = make(tables, tmp_path, context_turns=2)["train"]
    assert [message["content"] for message in record["messages"][1:]] == ["w0<BODY_0> w1<BODY_1>", "w2<BODY_2>"]


def test_harmful_utterances_are_left_out_and_end_the_context(tables, tmp_path):
    tables.clip("video000000_000", "train")
    for number in range(5):
        start = 2.0 * number
        runs = {"face": [(int(start * 25), [number])]}
        tables.utterance("video000000_000", number, [(f"w{number}", start)], start + 1, harmful=number == 1, runs=runs)
    made = make(tables, tmp_path, context_turns=4)["train"]
    assert [record["utterances"] for record in made] == [[2, 3], [2, 3, 4]]


def test_an_answer_never_seen_makes_no_record(tables, tmp_path):
    tables.clip("video000000_000", "train")
    three_turns(tables, runs={})
    assert [record["utterances"] for record in make(tables, tmp_path)["train"]] == [[0, 1]]


def test_runs_with_a_gap_between_them_are_joined_in_time(tables, tmp_path):
    tables.clip("video000000_000", "train")
    runs = {"face": [(150, [8]), (100, [5, 6])], "body": [(108, [9])]}
    tables.utterance("video000000_000", 0, [("one", 0.0)], 1.0, runs={})
    tables.utterance("video000000_000", 1, [("two", 4.0), ("three", 6.0)], 7.0, runs=runs)
    (record,) = make(tables, tmp_path)["train"]
    assert record["messages"][-1]["content"] == "two<FACE_5><FACE_6><BODY_9> three<FACE_8>"


def test_clips_outside_the_split_make_nothing(tables, tmp_path):
    tables.clip("video000000_000", "train")
    tables.clip("video000001_000", "train")
    three_turns(tables)
    three_turns(tables, "video000001_000")
    corpus = tables.write(tmp_path)
    kept = read_table(corpus.tables["split"], "split").query("clip_id == 'video000001_000'")
    write_table(corpus.tables["split"], "split", kept)
    sequences(**corpus.tables, **corpus.records, settings=Sequences(context_turns=1))
    made = [json.loads(line) for line in corpus.records["train"].open()]
    assert {record["clip_id"] for record in made} == {"video000001_000"}


def test_motion_outside_its_utterance_is_an_error_and_leaves_no_file(tables, tmp_path):
    tables.clip("video000000_000", "train")
    three_turns(tables, runs={"face": [(100, [0, 0, 0, 0, 7])]})  # the fifth begins at frame 132 of 100..125
    with pytest.raises(ValueError, match=r"<FACE_7> .* at frame 132 lies outside 100\.\.125"):
        make(tables, tmp_path)
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_table_of_another_kind_is_refused(tables, tmp_path):
    tables.clip("video000000_000", "train")
    three_turns(tables)
    corpus = tables.write(tmp_path)
    swapped = corpus.tables | {"face": corpus.tables["split"]}
    with pytest.raises(SchemaError, match="not a tokens table"):
        sequences(**swapped, **corpus.records, settings=Sequences(context_turns=1))


def test_every_word_and_token_of_a_corpus_is_in_its_answer(corpus):
    words = read_table(corpus.tables["words"], "words")
    for path in corpus.records.values():
        for line in path.open():
            record = json.loads(line)
            rows = words[(words["clip_id"] == record["clip_id"]) & (words["utterance_id"] == record["utterances"][-1])]
            answer = parse(record["messages"][-1]["content"])
            assert answer.text == " ".join(rows.sort_values("word_index")["word"])
            assert [2 * code for code in answer.face] == answer.body != []


def test_same_tables_same_bytes(corpus, tmp_path):
    again = {name: tmp_path / f"{name}.jsonl" for name in corpus.records}
    sequences(**corpus.tables, **again, settings=Sequences(context_turns=1))
    for name, path in corpus.records.items():
        assert again[name].read_bytes() == path.read_bytes() != b""
