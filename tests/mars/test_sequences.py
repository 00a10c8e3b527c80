import itertools
import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.errors import UserError
from nonverbal.mars.interleave import parse
from nonverbal.mars.sequences import SYSTEM_PROMPT, decide, turn
from nonverbal.mars.settings import Sequences
from nonverbal.schema import SchemaError, as_table, read_rows, read_table, write_table


def make(tables, tmp_path, **settings):
    corpus = tables.write(tmp_path)
    corpus.make(**settings)
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
    corpus.make()
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
    corpus.tables["face"].write_bytes(corpus.tables["split"].read_bytes())
    with pytest.raises(SchemaError, match="not a tokens table"):
        corpus.make()


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
    again = type(corpus)(tmp_path)
    shutil.copytree(corpus.root, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.jsonl", "chats*"))
    again.make()
    written = [path for path in corpus.root.glob("*.*") if path not in corpus.tables.values()]
    assert len(written) == 7
    for path in written:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes() != b""


def test_parquet_holds_the_same_records(corpus):
    for lines, table in zip(corpus.records.values(), corpus.outputs["tables"], strict=True):
        assert read_rows(table, "chats") == [json.loads(line) for line in lines.open()] != []


def reasons(corpus):
    table = read_table(corpus.outputs["answers"], "answers")
    return dict(zip(table["utterance_id"], table["reason"], strict=True))


def test_every_utterance_has_a_decision(tables, tmp_path):
    tables.clip("video000000_000", "train")
    said = {"face": [0]}
    rows = (  # words, speaker, harmful, seen
        ("one", 0, False, True),
        ("two", 1, False, True),
        ("", 0, False, True),
        ("three", 1, False, True),
        ("four", 0, True, True),
        ("five", 1, False, True),
        ("six", 0, False, False),
        ("seven", 1, False, True),
    )
    for number, (word, speaker, harmful, seen) in enumerate(rows):
        start = 2.0 * number
        runs = {part: [(int(start * 25), codes)] for part, codes in said.items()} if seen else {}
        words = [(word, start)] if word else []
        tables.utterance("video000000_000", number, words, start + 1, speaker, harmful, start, runs)
    corpus = tables.write(tmp_path)
    corpus.make(context_turns=None)
    assert reasons(corpus) == {
        0: "answers_nobody", 1: "", 2: "no_words", 3: "answers_nobody", 4: "harmful", 5: "answers_nobody",
        6: "no_motion", 7: "",
    }  # fmt: skip
    made = [json.loads(line) for line in corpus.records["train"].open()]
    assert [record["utterances"] for record in made] == [[0, 1], [5, 6, 7]]
    table = read_table(corpus.outputs["answers"], "answers")
    assert table["words"].tolist() == [1, 1, 0, 1, 1, 1, 1, 1] and table["face"].sum() == 7
    assert table["context"].tolist() == [0, 1, 0, 0, 0, 0, 0, 2]


def test_all_earlier_turns_of_the_clip_are_context(tables, tmp_path):
    for clip in range(2):
        tables.clip(f"video{clip:06d}_000", "train")
        for number in range(6):
            runs = {"face": [(50 * number, [number])]}
            tables.utterance(f"video{clip:06d}_000", number, [("w", 2.0 * number)], 2.0 * number + 1, runs=runs)
    made = make(tables, tmp_path, context_turns=None)["train"]
    assert [record["utterances"] for record in made] == 2 * [list(range(n + 1)) for n in range(1, 6)]
    assert [message["role"] for message in made[4]["messages"]] == ["system", *3 * ["user", "assistant"]]


def test_turns_may_stand_between_marks(tables, tmp_path):
    tables.clip("video000000_000", "train")
    three_turns(tables)
    record = make(tables, tmp_path, turn_marks=True)["train"][1]
    system, user, answer = (message["content"] for message in record["messages"])
    assert "<SOT>" in system and (user, answer) == ("<SOT>word1<FACE_1><EOT>", "<SOT>word2<FACE_2><EOT>")
    assert parse(answer) == ("word2", [2], [])


def test_tokens_of_another_codebook_are_refused(tables, tmp_path):
    tables.clip("video000000_000", "train")
    three_turns(tables, runs={"body": [(100, [64])]})
    with pytest.raises(
        UserError, match=r"body.parquet holds <BODY_64>, but config key tokenizers\.body\.codebook\.size is 64"
    ):
        make(tables, tmp_path, codes=64)
    assert not list(tmp_path.glob("*.jsonl"))


SAID = st.lists(
    st.tuples(
        st.integers(0, 1),  # speaker
        st.booleans(),  # harmful
        st.lists(st.integers(0, 49), max_size=4).map(sorted),  # frames of the words
        st.lists(st.tuples(st.integers(0, 49), st.integers(0, 15)), max_size=5, unique_by=lambda pair: pair[0] // 8),
        st.lists(st.tuples(st.integers(0, 49), st.integers(0, 15)), max_size=5, unique_by=lambda pair: pair[0] // 8),
    ),
    max_size=8,
)


def turns_of(said):
    """Turns of fifty frames each, the `said` as they come."""
    for number, (speaker, harmful, words, face, body) in enumerate(said):
        first, key = 50 * number, ("clip", number)
        spoken = {key: [(f"w{number}.{i}", (first + frame) / 25) for i, frame in enumerate(words)]} if words else {}
        runs = {
            part: {key: [(first + f, [code]) for f, code in sorted(runs)]}
            for part, runs in (("face", face), ("body", body))
        }
        row = {
            "clip_id": "clip",
            "utterance_id": number,
            "speaker": speaker,
            "start_s": first / 25,
            "end_s": first / 25 + 2,
        }
        yield turn(row, spoken, runs, {key: harmful})


@given(SAID, st.none() | st.integers(1, 4), st.booleans())
def test_a_record_shows_each_of_its_utterances_once_whole_and_in_order(said, context_turns, turn_marks):
    turns = list(turns_of(said))
    chosen = Sequences(context_turns=context_turns, turn_marks=turn_marks)
    decided = [decide("clip", turns, i, "train", chosen) for i in range(len(turns))]
    assert len(as_table("answers", [row for row, _ in decided])) == len(said)
    for (row, record), answer in zip(decided, turns, strict=True):
        assert row["kept"] == (record is not None) == (row["context"] > 0)
        if record is None:
            continue
        shown = [turns[i] for i in record["utterances"]]
        assert shown[-1] is answer and len(shown) == row["context"] + 1
        assert not any(one.harmful for one in shown) and all(one.words for one in shown)
        assert record["utterances"] == sorted(record["utterances"])
        assert context_turns is None or row["context"] <= context_turns
        said_before = [i for i in range(record["utterances"][0], row["utterance_id"] + 1) if turns[i].words]
        assert record["utterances"] == said_before  # nothing in between is left out
        lines = [parse(message["content"]) for message in record["messages"][1:]]
        assert " ".join(line.text for line in lines).split() == [
            f"w{one.utterance_id}.{i}" for one in shown for i in range(one.words)
        ]
        for part in (3, 4):
            codes = [code for i in record["utterances"] for _, code in sorted(said[i][part])]
            assert [code for line in lines for code in line[part - 2]] == codes
        roles = [message["role"] for message in record["messages"]]
        assert roles[-1] == "assistant" and roles[-2] == "user" and all(a != b for a, b in itertools.pairwise(roles))
