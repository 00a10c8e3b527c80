import json
import math

import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from nonverbal.errors import UserError
from nonverbal.mars.ablate import silent_context
from nonverbal.mars.encode import encode_all, read_records, token_kinds
from nonverbal.mars.evaluate_mars import evaluate_mars, text_scores, unigram_baseline, unigram_nll
from nonverbal.mars.generate import generate
from nonverbal.mars.likelihood import summary, token_likelihood
from nonverbal.mars.saved import load_saved
from nonverbal.mars.settings import BertScore, Evaluation
from nonverbal.mars.text_metrics import NotAvailable, distinct, load_bertscore, load_meteor
from nonverbal.mars.train_mars import train_mars

ABSENT = BertScore(name="nobody/nothing", revision="0" * 40, layer=1)


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    """The hub's answer without a network, at once."""
    from huggingface_hub.errors import HTTPError

    def model_info(*_, **__):
        raise HTTPError("no network")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    monkeypatch.setenv("NLTK_DATA", "")
    monkeypatch.setattr("nltk.data.path", [])


def test_unigram_adds_one():
    # counts 3, 1, 0, 0 of 4 codes: probabilities 4/8, 2/8, 1/8, 1/8
    assert unigram_nll([0, 0, 0, 1], [0, 1, 2], 4) == pytest.approx((math.log(2) + math.log(4) + math.log(8)) / 3)
    assert unigram_nll([], [0, 3], 4) == pytest.approx(math.log(4))
    assert unigram_nll([1], [], 4) is None


def test_likelihood_is_the_models_own(corpus, tiny):
    model, tokenizer = load_saved(tiny)
    torch.manual_seed(1)
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_()
    records = encode_all(list(read_records(corpus.records["test"]))[:5], tokenizer, 256, "test")
    kinds = token_kinds(tokenizer, model.config.vocab_size)
    table = token_likelihood(model, records, kinds, 2, "test")
    expected = {"nll": [], "nll_given_kind": []}
    for one in sorted(records, key=lambda record: len(record.ids)):  # one by one, without padding
        ids = torch.from_numpy(one.ids).long()
        with torch.no_grad():
            logits = model(ids[None]).logits[0]
        for place in range(one.answer, len(ids)):
            token, row = ids[place], logits[place - 1]
            expected["nll"].append(-row.log_softmax(0)[token].item())
            expected["nll_given_kind"].append(
                -row[kinds == kinds[token]].log_softmax(0)[(kinds[:token] == kinds[token]).sum()].item()
            )
    assert len(table) == len(expected["nll"]) > 50
    for name, values in expected.items():
        assert table[name].to_numpy() == pytest.approx(values, abs=2e-4)
    means = summary(table)
    assert means["nll_face"] == pytest.approx(table[table["kind"] == "face"]["nll"].mean())
    assert means["ppl_all"] == pytest.approx(math.exp(table["nll"].mean()))


def test_a_trained_model_beats_uniform_and_unigram(corpus, tiny, training, tmp_path):
    """Codes follow words in the made corpus, so a model that learns anything is better than frequencies."""
    long = training.model_copy(update={"epochs": 30, "learning_rate": 1e-2, "checkpoint_steps": 40})
    settings = Evaluation(utterances=20, batch=4, new_tokens=20, temperature=0, in_step=True, bertscore=ABSENT)
    paths, model = corpus.records, tmp_path / "model"
    others = tmp_path / "history.csv", tmp_path / "speed.csv", tmp_path / "e.parquet"
    train_mars(tiny, paths["train"], paths["validation"], model, *others, long, seed=5)
    generate(tiny, model, paths["test"], tmp_path / "g.jsonl", settings, 256, seed=5)
    evaluate_mars(
        tiny,
        model,
        paths["train"],
        paths["test"],
        tmp_path / "g.jsonl",
        tmp_path / "m.json",
        settings,
        16,
        16,
        256,
        seed=5,
    )
    metrics = json.loads((tmp_path / "m.json").read_text())
    scores = metrics["settings"]
    for part in ("face", "body"):
        assert metrics["uniform"][f"nll_{part}"] == pytest.approx(math.log(16))
        # equal rows make equal chances: the untrained model is the uniform guess
        assert scores["zero_shot"][f"nll_{part}_given_kind"] == pytest.approx(math.log(16), abs=1e-5)
        assert scores["trained"][f"nll_{part}_given_kind"] < 0.7 * metrics["unigram"][f"nll_{part}"]
        assert scores["trained"][f"nll_{part}"] < metrics["unigram"][f"nll_{part}"] < math.log(16)
    counts = metrics["tokens"]
    assert counts["all"] == sum(counts[kind] for kind in ("text", "face", "body", "end"))
    assert counts["end"] == metrics["records"] == 18
    assert counts["face"] == sum(len(line["reference"]["face"]) for line in read_records(tmp_path / "g.jsonl")) / 2
    assert scores["trained"]["meteor"] is None and scores["trained"]["bertscore_f1"] is None
    assert "WordNet" in metrics["not_available"]["meteor"]
    assert "mars.evaluation.bertscore.name" in metrics["not_available"]["bertscore_f1"]
    assert scores["trained_without_context_motion"]["nll_face"] != scores["trained"]["nll_face"]


def test_no_test_record_is_said_in_a_sentence(corpus, tiny, tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    settings = Evaluation(utterances=1, batch=1, new_tokens=1, temperature=0, in_step=True, bertscore=ABSENT)
    with pytest.raises(UserError, match="nothing to score MARS on"):
        evaluate_mars(
            tiny,
            tiny,
            corpus.records["train"],
            tmp_path / "none.jsonl",
            tmp_path / "g",
            tmp_path / "m",
            settings,
            16,
            16,
            256,
            5,
        )


def test_baseline_counts_answers_only(corpus):
    train = list(read_records(corpus.records["train"]))
    baseline = unigram_baseline(train, train, {"face": 16, "body": 16})
    silent = [silent_context(record) for record in train]
    assert baseline == unigram_baseline(silent, train, {"face": 16, "body": 16})
    assert baseline["nll_face"] < math.log(16)


def test_distinct_counts_different_ngrams():
    assert distinct(["a b a", "B"], 1) == pytest.approx(2 / 4)
    assert distinct(["a b a", "b"], 2) == 1.0
    assert distinct(["", "..."], 1) is None


@pytest.fixture
def encoder(tmp_path, tiny):
    """A folder with a BERT of random weights."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    return BertScore(name=str(tmp_path / "bert"), revision="", layer=2)


def test_bertscore_is_one_for_the_same_and_less_for_others(encoder):
    bertscore = load_bertscore(encoder, 2)
    assert bertscore(["yes no rain"], ["yes no rain"]) == pytest.approx(1, abs=1e-5)
    assert bertscore(["yes no rain"], ["music film"]) < 0.99
    assert bertscore(["yes", ""], ["yes", "no"]) == pytest.approx(0.5, abs=1e-5)


def test_bertscore_is_the_same_in_batches(encoder):
    said = ["yes no rain", "film", "music music sun", "maybe"], ["no", "film really maybe yes no", "sun", "rain sun"]
    alone, at_once = (load_bertscore(encoder, batch)(*said) for batch in (1, 4))
    assert at_once == pytest.approx(alone, abs=1e-5) and at_once < 0.99


def test_metrics_say_what_they_lack():
    with pytest.raises(NotAvailable, match="WordNet"):
        load_meteor()
    with pytest.raises(NotAvailable, match="nobody/nothing is not cached"):
        load_bertscore(ABSENT, 2)


def test_a_metric_that_can_be_had_is_a_number(encoder, tmp_path):
    line = {
        "setting": "trained",
        "answer": {"text": "yes"},
        "reference": {"text": "yes"},
        "finished": True,
        "left_out": "",
    }
    (tmp_path / "g.jsonl").write_text(json.dumps(line) + "\n")
    settings = Evaluation(utterances=1, batch=1, new_tokens=1, temperature=0, in_step=True, bertscore=encoder)
    scores, missing = text_scores(tmp_path / "g.jsonl", settings)
    assert scores["trained"]["bertscore_f1"] == pytest.approx(1, abs=1e-5)
    assert scores["trained"]["meteor"] is None and list(missing) == ["meteor"]
