import json
from collections import Counter
from itertools import chain

import pytest

from nonverbal.mars.ablate import ablate, motion, silent_context
from nonverbal.mars.encode import read_records
from nonverbal.mars.interleave import parse

ROWS = ("no_context_motion", "text_only", "shuffled_motion", "other_motion")


@pytest.fixture(scope="module")
def ablated(corpus, tmp_path_factory):
    """The records as they are, and of each row: split -> records."""
    made = {"ours": {split: list(read_records(path)) for split, path in corpus.records.items()}}
    for row in ROWS:
        folder = tmp_path_factory.mktemp(row)
        paths = [folder / f"{split}.jsonl" for split in corpus.records]
        ablate(list(corpus.records.values()), paths, row, seed=3)
        made[row] = {path.stem: list(read_records(path)) for path in paths}
    return made


def words(records):
    return [[parse(message["content"]).text for message in record["messages"][1:]] for record in records]


@pytest.mark.parametrize("row", ROWS)
def test_words_answers_and_prompts_stay(ablated, row):
    for split, records in ablated["ours"].items():
        assert words(ablated[row][split]) == words(records)
        for one, other in zip(ablated[row][split], records, strict=True):
            assert one["messages"][0] == other["messages"][0] and one["utterances"] == other["utterances"]


def test_motion_is_taken_from_the_context_or_from_all(ablated):
    for split, records in ablated["ours"].items():
        for own, less, none in zip(
            records, ablated["no_context_motion"][split], ablated["text_only"][split], strict=True
        ):
            assert less["messages"][-1] == own["messages"][-1] and not any(motion(less)[:-2])
            assert not any(motion(none)) and any(motion(own)[:-2])


def test_shuffled_motion_keeps_each_turns_tokens_and_their_places(ablated):
    moved = 0
    for own, other in zip(ablated["ours"]["train"], ablated["shuffled_motion"]["train"], strict=True):
        for one, two in zip(motion(own), motion(other), strict=True):
            assert Counter(one) == Counter(two)
            moved += one != two
        assert [len(m["content"].split()) for m in own["messages"]] == [
            len(m["content"].split()) for m in other["messages"]
        ]
    assert moved > len(ablated["ours"]["train"])


def test_motion_of_other_turns_keeps_the_order_and_the_pairs(ablated):
    def streams(records):
        return [[code for record in records for code in motion(record)[kind::2]] for kind in (0, 1)]

    own, other = (streams(ablated[row]["train"]) for row in ("ours", "other_motion"))
    for one, two in zip(own, other, strict=True):
        one, two = list(chain.from_iterable(one)), list(chain.from_iterable(two))
        half = len(one) // 2
        assert two == one[half:] + one[:half] != one
    for face, body in zip(*other, strict=True):  # the made corpus' BODY is twice its FACE
        assert [2 * int(f[6:-1]) for f in face] == [int(b[6:-1]) for b in body]


def test_wrong_motion_is_not_asked_for_at_the_test(ablated):
    for row in ("shuffled_motion", "other_motion"):
        assert ablated[row]["test"] == ablated["ours"]["test"]
        assert ablated[row]["validation"] != ablated["ours"]["validation"]


def test_the_silent_context_keeps_words_marks_and_answer():
    chat = ["read <FACE_i>", "<SOT>yes<FACE_1> no<BODY_2><EOT>", "well<FACE_3>"]
    record = {"messages": [{"role": "r", "content": text} for text in chat], "clip_id": "c"}
    shown = [message["content"] for message in silent_context(record)["messages"]]
    assert shown == ["read <FACE_i>", "<SOT>yes no<EOT>", "well<FACE_3>"]


def test_an_ablation_is_scored_on_the_answers_that_mars_is(corpus, tiny, ablated, tmp_path):
    from nonverbal.mars.evaluate_ablation import evaluate_ablation
    from nonverbal.mars.settings import BertScore, Evaluation

    absent = BertScore(name="nobody/nothing", revision="0" * 40, layer=1)
    settings = Evaluation(utterances=5, batch=3, new_tokens=5, temperature=0, in_step=True, bertscore=absent)
    test = tmp_path / "test.jsonl"
    test.write_text("".join(json.dumps(record) + "\n" for record in ablated["text_only"]["test"]))
    found = []
    for row, path in (("ours", corpus.records["test"]), ("text_only", test)):
        evaluate_ablation(row, "1", tiny, path, tmp_path / "m.json", settings, length=256, seed=5)
        found.append(json.loads((tmp_path / "m.json").read_text()))
    ours, silent = found
    assert ours["tokens"]["text"] == silent["tokens"]["text"] > 0
    assert ours["tokens"]["face"] > 0 == silent["tokens"]["face"] and silent["repeat"] == 1
    assert silent["scores"]["nll_face_given_kind"] is None and silent["scores"]["ppl_text"] > 1
