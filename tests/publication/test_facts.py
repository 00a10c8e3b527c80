"""What a card says of the videos' rights is counted, and where to ask for removal is told."""

import pandas as pd
import pytest
from publication_run import settings

from nonverbal.publication.facts import checked, removal, rights

VIDEOS = pd.DataFrame({
    "video_id": ["a", "b", "c"], "licence": ["CC BY", "", "CC BY"], "availability": "public",
    "captions_origin": ["uploader", "uploader", ""], "checked": ["2026-11-02", "2026-11-01", ""],
})  # fmt: skip


def test_what_videos_may_be_used_for_is_counted_and_silence_is_told():
    assert rights(VIDEOS) == {
        "licence that the platform or the file states": {"CC BY": 2, "not stated": 1},
        "who may see the video": {"public": 3},
        "whose captions are used": {"uploader": 2, "not stated": 1},
    }  # fmt: skip
    assert checked(VIDEOS) == ["2026-11-01", "2026-11-02"]


def test_licences_without_number_are_summed():
    many = pd.concat([VIDEOS[:1]] * 50).assign(licence=[f"own licence {i}" for i in range(50)])
    counts = rights(many)["licence that the platform or the file states"]
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
