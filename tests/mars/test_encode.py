import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from nonverbal.errors import Drop, UserError
from nonverbal.mars.encode import (
    KINDS,
    encode_all,
    encode_records,
    prompt_text,
    sample_records,
    token_ids,
    token_kinds,
)


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


def record(*contents: str) -> dict:
    """A chat of these turns, the first the system's, the last the assistant's answer."""
    roles = ["system", *[("user", "assistant")[(len(contents) - i) % 2] for i in range(1, len(contents))]]
    return {"messages": [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]}


def encode(chat, tokenizer, length):
    ((same, one),) = encode_records([chat], tokenizer, length)
    assert same is chat
    return one


def test_prompt_and_answer_make_the_chat(tokenizer):
    one = encode(record("rain", "yes<FACE_1>", "no<BODY_2> rain"), tokenizer, 100)
    assert tokenizer.decode(one.ids) == (
        "<|start|>system\nrain<|end|>\n<|start|>user\nyes<FACE_1><|end|>\n<|start|>assistant\nno<BODY_2> rain<|end|>"
    )
    assert tokenizer.decode(one.ids[one.answer :]) == "no<BODY_2> rain<|end|>"


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(1, 30), st.integers(2, 90))
def test_only_the_oldest_turns_are_left_away_and_only_where_they_must_be(tokenizer, context, answer, length):
    chat = record("rain", *(f"<FACE_{i}>" * turn for i, turn in enumerate(context)), "<BODY_3>" * answer)
    sizes = []  # of the prompt with its last 1, 2, ... turns
    for turns in range(1, len(context) + 1):
        shown = [chat["messages"][0], *chat["messages"][-1 - turns : -1]]
        sizes.append(len(token_ids([prompt_text(shown, tokenizer)], tokenizer)[0]))
    room = length - answer - 1
    one = encode(chat, tokenizer, length)
    if room < 1 or sizes[0] > room:
        assert one.reason == ("answer_too_long" if room < 1 else "context_too_long")
        return
    assert one.turns == max(turns for turns, size in enumerate(sizes, 1) if size <= room)
    assert (one.answer, len(one.ids)) == (sizes[one.turns - 1], sizes[one.turns - 1] + answer + 1)
    shown = [chat["messages"][0], *chat["messages"][-1 - one.turns : -1]]
    assert tokenizer.decode(one.ids[: one.answer]) == prompt_text(shown, tokenizer)
    assert one.ids[-1] == tokenizer.eos_token_id


def test_many_records_are_encoded_as_each_alone(tokenizer, monkeypatch):
    monkeypatch.setattr("nonverbal.mars.encode.BATCH", 3)
    chats = [record("rain", "sun" * i, "<FACE_1>" * (7 - i)) for i in range(8)]
    together = [one for _, one in encode_records(iter(chats), tokenizer, 30)]
    assert {type(one) for one in together} == {Drop, type(together[3])}
    for one, chat in zip(together, chats, strict=True):
        single = encode(chat, tokenizer, 30)
        assert str(one) == str(single) or one.ids.tolist() == single.ids.tolist()
    assert len(encode_all(chats, tokenizer, 30, "test")) == sum(not isinstance(one, Drop) for one in together)


def test_a_token_of_another_codebook_is_refused(tokenizer):
    with pytest.raises(UserError, match=r"<FACE_16>, which the model's tokenizer does not know"):
        encode(record("rain", "yes<FACE_15>", "<FACE_16>"), tokenizer, 100)


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
