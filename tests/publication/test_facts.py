"""What a card says of rights, words and splits is counted, of as many columns as the tables have."""

import pandas as pd
import pytest
from publication_run import settings

from nonverbal.publication.facts import checked, removal, rights

VIDEOS = pd.DataFrame({"video_id": ["a", "b", "c"], "licence": ["CC BY", "", "CC BY"]})


def test_licences_are_counted_and_silence_is_told():
    assert rights(VIDEOS) == {"licence that the platform states": {"CC BY": 2, "not stated": 1}}
    assert checked(VIDEOS) == []


def test_what_else_the_table_of_downloads_knows_is_told_too():
    more = VIDEOS.assign(
        captions_origin=["uploader", "uploader", ""], availability="public", checked=["2026-11-02", "2026-11-01", ""]
    )
    assert list(rights(more)) == [
        "licence that the platform states",
        "who may see the video",
        "whose captions are used",
    ]
    assert rights(more)["whose captions are used"] == {"uploader": 2, "not stated": 1}
    assert checked(more) == ["2026-11-01", "2026-11-02"]


def test_licences_without_number_are_summed():
    many = pd.DataFrame({"licence": [f"own licence {i}" for i in range(50)]})
    (counts,) = rights(many).values()
    assert len(counts) == 21 and counts["30 others"] == 30


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"contact": "https://example.org/remove"}, "Write to https://example.org/remove"),
        ({"repository": "someone/talks"}, "discussion at https://huggingface.co/datasets/someone/talks/discussions"),
        ({}, "not meant to be passed on"),
    ],
)
def test_who_wants_to_be_removed_is_told_where_to_ask(own, told):
    assert told in removal(settings(**own))
