import itertools
import threading

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from nonverbal.mars.decoding import InStep, continue_prompts, stream_answers, until_end
from nonverbal.mars.encode import KINDS, token_kinds
from nonverbal.mars.settings import BertScore, Evaluation

TEXT, FACE, BODY, END = range(4)


@pytest.fixture
def evaluation():
    bertscore = BertScore(name="nobody/nothing", revision="0" * 40, layer=1)
    return Evaluation(utterances=5, batch=3, new_tokens=25, temperature=1, in_step=True, bertscore=bertscore)


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture(scope="module")
def model(tokenizer):
    """Weights so large that it says many things."""
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 5, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        initializer_range=0.5, tie_word_embeddings=False,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture(scope="module")
def prompts(tokenizer):
    texts = ["<|start|>assistant", "rain", "yes<FACE_1><BODY_2> music", "no"]
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def in_step(ids, kinds):
    """Whether each FACE is followed by a BODY and each BODY follows a FACE."""
    found = [int(kinds[one]) for one in ids]
    pairs = itertools.pairwise([TEXT, *found, TEXT])
    return all((one == FACE) == (other == BODY) for one, other in pairs)


@pytest.mark.parametrize("temperature", [0, 1.0, 3.0])
def test_face_and_body_always_come_in_step(model, tokenizer, prompts, evaluation, temperature):
    kinds = token_kinds(tokenizer, model.config.vocab_size)
    torch.manual_seed(0)
    many = prompts + [[*ids, *prompts[1]] for ids in torch.randint(len(tokenizer), (30, 5)).tolist()]
    motion = 0
    for new_tokens in (1, 2, 25):
        settings = evaluation.model_copy(update={"temperature": temperature, "new_tokens": new_tokens})
        for ids in continue_prompts(model, tokenizer, many, settings):
            assert len(ids) == new_tokens or ids[-1] == tokenizer.eos_token_id
            assert in_step(ids, kinds)
            motion += sum(int(kinds[one]) == FACE for one in ids)
    assert motion > 5
    torch.manual_seed(0)
    free = evaluation.model_copy(update={"temperature": temperature, "in_step": False})
    assert not all(in_step(ids, kinds) for ids in continue_prompts(model, tokenizer, many, free))


def test_only_what_breaks_a_pair_is_forbidden():
    kinds = torch.tensor([TEXT, TEXT, FACE, FACE, BODY, BODY, END])
    assert KINDS == ("text", "face", "body", "end")
    ids = torch.tensor([[0, 2], [2, 4], [0, 1]])
    allowed = InStep(kinds, longest=9)(ids, torch.zeros(3, 7)).isfinite().int().tolist()
    assert allowed == [[0, 0, 0, 0, 1, 1, 0], [1, 1, 1, 1, 0, 0, 1], [1, 1, 1, 1, 0, 0, 1]]
    last = InStep(kinds, longest=3)(ids, torch.zeros(3, 7)).isfinite().int().tolist()
    assert last == [[0, 0, 0, 0, 1, 1, 0], [1, 1, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 1]]


def test_a_batch_answers_as_one_alone(model, tokenizer, prompts, evaluation):
    greedy = evaluation.model_copy(update={"temperature": 0})
    together = continue_prompts(model, tokenizer, prompts, greedy)
    assert len({tuple(ids) for ids in together}) > 1
    assert together == [continue_prompts(model, tokenizer, [prompt], greedy)[0] for prompt in prompts]


def test_tokens_stream_as_they_are_made(model, tokenizer, prompts, evaluation, monkeypatch):
    made = []
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda *a, **k: (made.append(1), forward(*a, **k))[1])
    torch.manual_seed(0)
    whole = continue_prompts(model, tokenizer, prompts, evaluation)
    asked = len(made)
    torch.manual_seed(0)
    steps = list(stream_answers(model, tokenizer, prompts, evaluation))
    assert len(steps) == asked == max(map(len, whole))
    assert [until_end(list(ids), tokenizer.eos_token_id) for ids in zip(*steps, strict=True)] == whole


def test_generation_ends_when_nobody_listens(model, tokenizer, prompts, evaluation):
    before = threading.active_count()
    endless = evaluation.model_copy(update={"new_tokens": 1900})
    steps = stream_answers(model, tokenizer, prompts, endless)
    first = [next(steps) for _ in range(3)]
    assert all(len(step) == len(prompts) for step in first)
    steps.close()
    assert threading.active_count() == before


def test_an_error_is_raised_where_the_answer_is_read(model, tokenizer, evaluation, monkeypatch):
    monkeypatch.setattr(model, "forward", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        continue_prompts(model, tokenizer, [[1, 2]], evaluation)


def test_an_answer_ends_at_its_end_mark():
    assert until_end([4, 5, 2, 0, 0], 2) == [4, 5, 2]
    assert until_end([4, 5], 2) == [4, 5]
