import json
import re
import shutil

import pytest

from nonverbal.errors import UserError
from nonverbal.mars.encode import read_records
from nonverbal.mars.generate import generate
from nonverbal.mars.settings import BertScore, Evaluation


@pytest.fixture
def evaluation():
    bertscore = BertScore(name="nobody/nothing", revision="0" * 40, layer=1)
    return Evaluation(utterances=5, batch=3, new_tokens=12, temperature=0, in_step=False, bertscore=bertscore)


def lines(path):
    return [json.loads(line) for line in path.open()]


def test_words_and_motion_are_told_apart(corpus, tiny, evaluation, tmp_path):
    generate(tiny, tiny, corpus.records["test"], tmp_path / "g.jsonl", evaluation, length=256, seed=5)
    made = lines(tmp_path / "g.jsonl")
    assert [line["setting"] for line in made] == ["zero_shot"] * 5 + ["trained"] * 5
    assert [line["utterances"] for line in made[:5]] == [line["utterances"] for line in made[5:]]
    tests = {(r["clip_id"], r["utterances"][-1]): r for r in read_records(corpus.records["test"])}
    for line in made:
        reference = line["reference"]
        said = tests[line["clip_id"], line["utterances"][-1]]["messages"][-1]["content"]
        assert len(reference["face"]) == said.count("<FACE_") > 0 and "<" not in reference["text"]
        assert set(line["answer"]) == {"text", "face", "body"}
        assert line["answer"]["face"] == [int(t) for t in _codes(line["raw"], "<FACE_")]


def _codes(text, mark):
    return [piece.split(">")[0] for piece in text.split(mark)[1:]]


def test_what_does_not_fit_is_left_out_and_said(corpus, tiny, evaluation, tmp_path):
    generate(tiny, tiny, corpus.records["test"], tmp_path / "g.jsonl", evaluation, length=40, seed=5)
    for line in lines(tmp_path / "g.jsonl"):
        assert line["left_out"].startswith("context_too_long: prompt and answered turn do not fit")
        assert line["raw"] == "" and not line["finished"] and line["reference"]["face"]


def test_face_and_body_are_in_step_where_that_is_wanted(corpus, tiny, evaluation, tmp_path):
    wanted = evaluation.model_copy(update={"in_step": True, "temperature": 2.0, "new_tokens": 40})
    generate(tiny, tiny, corpus.records["test"], tmp_path / "g.jsonl", wanted, length=256, seed=5)
    answers = [line["raw"] for line in lines(tmp_path / "g.jsonl")]
    pairs = [re.sub(r"<FACE_\d+><BODY_\d+>", "", answer) for answer in answers]
    assert any(len(pair) < len(answer) for pair, answer in zip(pairs, answers, strict=True))
    assert not any("<FACE_" in rest or "<BODY_" in rest for rest in pairs)


def test_temperature_draws_from_the_seed(corpus, tiny, evaluation, tmp_path):
    warm = evaluation.model_copy(update={"temperature": 1.0})
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tiny, tiny, corpus.records["test"], tmp_path / name, warm, length=256, seed=seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert {line["raw"] for line in lines(tmp_path / "a")} != {line["raw"] for line in lines(tmp_path / "c")}


def test_a_checkpoint_of_another_tokenizer_is_refused(corpus, tiny, evaluation, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    text = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(text.replace("<FACE_3>", "<FACE_33>"))
    with pytest.raises(UserError, match=r"the tokenizer of .*other is not that of"):
        generate(tiny, other, corpus.records["test"], tmp_path / "g.jsonl", evaluation, length=256, seed=5)
