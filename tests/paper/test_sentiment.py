from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nonverbal.paper.sentiment import LABELS, Roberta, Vader, as_tweet, labels_of, sentences_of, sentiment
from nonverbal.paper.settings import ROBERTA, Sentiment
from nonverbal.schema import read_table, write_table

VADER = Sentiment(backend="vader", batch=2)
SAID = {(0, 0): "I love this. Do you? (…)", (0, 1): "no end", (1, 0): "This is awful!"}


def words(said: dict[tuple[int, int], str] = SAID) -> pd.DataFrame:
    rows = []
    for (clip, utterance), text in said.items():
        for word in text.split():
            at = len(rows)
            times = {"word_index": at, "start_s": at / 2, "end_s": at / 2 + 0.4}
            rows.append(
                {"clip_id": f"v_{clip:03d}", "utterance_id": utterance, "speaker": 0, "word": word} | times
                | {"interpolated": False}
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_a_sentence_ends_at_its_mark_or_with_its_utterance():
    found = list(sentences_of(words()))
    assert [(one["utterance_id"], one["sentence"], one["text"]) for one in found] == [
        (0, 0, "I love this."), (0, 1, "Do you?"), (1, 0, "no end"), (0, 0, "This is awful!"),
    ]  # fmt: skip
    assert (found[1]["start_s"], found[1]["end_s"]) == (1.5, 2.4)


def test_sentences_of_a_shard_are_scored(tmp_path):
    write_table(tmp_path / "words.parquet", "words", words())
    sentiment(tmp_path / "words.parquet", [], tmp_path / "sentiment.parquet", VADER)
    table = read_table(tmp_path / "sentiment.parquet", "sentiment").set_index("text")
    assert table.loc["I love this.", "valence"] > 0.3 and table.loc["This is awful!", "valence"] < -0.3
    assert table["neutral"].isna().all() and table["backend"].eq("vader").all()
    assert labels_of(table, 0.05).tolist() == ["positive", "neutral", "negative", "negative"]  # "no" is negative
    assert labels_of(table, 0.9).tolist() == ["neutral"] * 4


def test_a_shard_without_words_is_an_empty_table(tmp_path):
    write_table(tmp_path / "words.parquet", "words", words().head(0))
    sentiment(tmp_path / "words.parquet", [], tmp_path / "sentiment.parquet", VADER)
    assert len(read_table(tmp_path / "sentiment.parquet", "sentiment")) == 0


def test_negation_turns_a_valence():
    valence = Vader()(["This is good.", "This is not good.", "", "日本 \x00 <b>"]).valence
    assert valence[0] > 0.3 and valence[1] < -0.3 and valence[2:].tolist() == [0, 0]


def test_probabilities_decide_where_there_are_any():
    rows = pd.DataFrame({"valence": [0.0, 0.5, 0.0]})
    rows[list(LABELS)] = [[0.1, 0.2, 0.7], [np.nan] * 3, [0.6, 0.3, 0.1]]
    assert labels_of(rows, 0.05).tolist() == ["positive", "positive", "negative"]


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    """A network of the published one's kind, small, of random weights."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification

    folder = tmp_path_factory.mktemp("models") / ROBERTA
    folder.mkdir()
    pieces = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces.train_from_iterator(["good bad"], vocab_size=270, special_tokens=special)
    pieces.save_model(str(folder))
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=520, type_vocab_size=1, pad_token_id=1,
        id2label={0: "positive", 1: "neutral", 2: "negative"},
    )  # fmt: skip
    RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_the_network_scores_alike_in_any_batch_and_by_the_names_of_its_labels(network):
    sentences = ["good", "bad " * 700, "a bit longer, @someone http://x.y", ""]
    together, alone = Roberta(network, 4)(sentences), Roberta(network, 1)(sentences)
    assert np.allclose(together.probabilities, alone.probabilities, atol=1e-5)
    assert np.allclose(together.probabilities.sum(axis=1), 1)
    assert np.allclose(together.valence, together.probabilities[:, 2] - together.probabilities[:, 0])
    assert Roberta(network, 1).columns == [2, 1, 0]


def test_the_networks_scores_go_into_the_table(network, tmp_path):
    write_table(tmp_path / "words.parquet", "words", words())
    settings = Sentiment(backend="twitter_roberta", batch=2)
    assert settings.models == [ROBERTA] and not VADER.models
    sentiment(tmp_path / "words.parquet", [network], tmp_path / "sentiment.parquet", settings)
    assert read_table(tmp_path / "sentiment.parquet", "sentiment")[list(LABELS)].notna().all(axis=None)


def test_names_and_links_are_written_as_the_network_knows_them():
    assert as_tweet("@Anna see https://a.b @ noon") == "@user see http @ noon"
