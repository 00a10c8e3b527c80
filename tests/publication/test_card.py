"""The card is what the hub reads, says what the run counted, and lets nothing through that does more than be read."""

import json

import pytest
from huggingface_hub import DatasetCard
from publication_run import HOSTILE, publish, settings

from nonverbal.publication.card import escaped


@pytest.fixture(scope="module")
def card(published) -> DatasetCard:
    return DatasetCard((published / "README.md").read_text("utf-8"))


def test_the_hub_finds_files_columns_licence_and_language(card):
    data = card.data.to_dict()
    assert data["license"] == "other" and data["license_name"] == "none-given" and data["language"] == ["en"]
    assert data["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"}, {"split": "test", "path": "data/test-*.parquet"},
    ]  # fmt: skip
    assert "facial_expression" not in {feature["name"] for feature in data["dataset_info"]["features"]}
    assert {split["name"]: split["num_examples"] for split in data["dataset_info"]["splits"]} == {"train": 4, "test": 2}


@pytest.mark.parametrize(
    "told",
    [
        r"| channels | video | 4 | 3 | duplicate | 1 |",
        "| dialogues | 6 |",
        "| train | 4 | 2 | 2 |",
        r"| facial\_expression | no: left out | emoca | Max Planck",
        "| not stated | 2 |",
        "25.0% of the 24 words",
        r"captions\_aligned (6 clips)",
        "face jaw 75%",
        "1 of 6 utterances are flagged harmful",
        "Splits are by video",
        "Harmful speech by a word list, not WildGuard.",
        "No licence is given",
        "Imitating a person",
        "How to be removed",
    ],
)
def test_people_find_what_the_run_counted(card, told):
    assert told in card.text


def test_text_from_elsewhere_is_shown_and_does_nothing(card):
    assert "<script" not in card.text and r"\[y\](javascript:z)" in card.text
    assert f"| {escaped(HOSTILE)} | 1 |" in card.text


def test_licence_contact_and_repository_are_the_configs(results):
    own = settings(contact="dataset@example.org", licence="CC-BY-NC-4.0", repository="someone/talks")
    folder = publish(results, own)
    card = DatasetCard((folder / "README.md").read_text("utf-8"))
    assert card.data.license == "cc-by-nc-4.0"
    assert "Write to dataset@example.org" in card.text and 'load_dataset("someone/talks"' in card.text
    metadata = json.loads((folder / "croissant.json").read_text("utf-8"))
    assert metadata["license"] == "https://spdx.org/licenses/CC-BY-NC-4.0.html"
    assert metadata["url"] == "https://huggingface.co/datasets/someone/talks"
