import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from nonverbal.mars.encode import IGNORED, KINDS, collate, encode, prompt_ids, sample_records, token_kinds


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


def record(question: str, answer: str) -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def test_prompt_and_answer_make_the_chat(tokenizer):
    one = encode(record("yes<FACE_1>", "no<BODY_2> rain"), tokenizer, 100)
    assert tokenizer.decode(one.ids) == (
        "<|start|>user\nyes<FACE_1><|end|>\n<|start|>assistant\nno<BODY_2> rain<|end|>"
    )
    assert tokenizer.decode(one.ids[one.answer :]) == "no<BODY_2> rain<|end|>"


@given(st.integers(0, 30), st.integers(1, 30), st.integers(2, 60))
def test_only_the_prompt_is_cut_and_only_at_its_beginning(tokenizer, question, answer, length):
    chat = record("<FACE_1>" * question, "<BODY_3>" * answer)
    prompt = prompt_ids(chat["messages"], tokenizer)
    one = encode(chat, tokenizer, length)
    if answer + 1 >= length:
        assert one is None
        return
    assert len(one.ids) == min(length, len(prompt) + answer + 1)
    assert one.ids[: one.answer].tolist() == prompt[-one.answer :]
    assert len(one.ids) - one.answer == answer + 1
    assert one.ids[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize("loss", ["answer", "all"])
def test_loss_counts_no_padding(tokenizer, loss):
    short, long = (encode(record("yes", "<FACE_1>" * n), tokenizer, 100) for n in (2, 9))
    batch = collate([short, long], pad=tokenizer.pad_token_id, loss=loss)
    for row, one in enumerate((short, long)):
        counted = batch["labels"][row] != IGNORED
        assert counted.sum() == len(one.ids) - (one.answer if loss == "answer" else 0)
        assert batch["attention_mask"][row].sum() == len(one.ids)
        assert batch["labels"][row][counted].tolist() == one.ids[-int(counted.sum()) :].tolist()


def test_kinds_of_tokens(tokenizer):
    kinds = token_kinds(tokenizer, len(tokenizer) + 3)
    assert [(kinds == kind).sum() for kind in range(4)] == [len(tokenizer) + 3 - 33, 16, 16, 1]
    assert KINDS[kinds[tokenizer.convert_tokens_to_ids("<BODY_15>")]] == "body"
    assert KINDS[kinds[tokenizer.eos_token_id]] == "end"


def test_a_sample_is_drawn_once_and_for_all(corpus):
    every = sample_records(corpus.records["train"], 1000, seed=1)
    some = sample_records(corpus.records["train"], 5, seed=1)
    assert len(every) == sum(1 for _ in corpus.records["train"].open())
    assert len(some) == 5 and all(one in every for one in some)
    assert (
        some == sample_records(corpus.records["train"], 5, seed=1) != sample_records(corpus.records["train"], 5, seed=2)
    )
