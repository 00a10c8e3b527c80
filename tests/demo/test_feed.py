import csv
from pathlib import Path

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.utils import unsmuggle_url

from nonverbal.demo.feed import feed
from nonverbal.demo.serve import start
from nonverbal.demo.settings import load_corpus
from nonverbal.errors import UserError

SPEC = Path(__file__).resolve().parents[2] / "demo" / "corpus.yaml"
QUIET = {"quiet": True, "no_warnings": True}


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(SPEC)


@pytest.fixture(scope="module")
def site(corpus, tmp_path_factory):
    """The site of the real script with stand-in media, served."""
    root = tmp_path_factory.mktemp("site")
    folders = []
    for name, video in corpus.videos.items():
        folder = root / "media" / name
        folder.mkdir(parents=True)
        if video.captions:
            (folder / f"{name}.vtt").write_text("WEBVTT\n\n00:00:00.300 --> 00:00:01.000\nHello.\n")
        folders.append(folder)
    server = start(root, 0)
    feed(folders, root / "channels.csv", root / "feeds", root / "pages", corpus, server.server_address[1])
    yield root
    server.shutdown()
    server.server_close()


def channels(site):
    with (site / "channels.csv").open(encoding="utf-8") as handle:
        return {row["channel_id"]: row["url"] for row in csv.DictReader(handle)}


def test_yt_dlp_lists_every_video_of_every_channel(site, corpus):
    assert list(channels(site)) == list(corpus.channels)
    for name, url in channels(site).items():
        with YoutubeDL(QUIET | {"extract_flat": "in_playlist"}) as ydl:
            entries = list(ydl.extract_info(url, download=False)["entries"])
        ids = {unsmuggle_url(entry["url"])[1]["force_videoid"] for entry in entries}
        assert ids == {corpus.videos[video].guid or video for video in corpus.channels[name].videos}
        assert all(entry["timestamp"] and entry["duration"] and entry["title"] for entry in entries)
        dates = [entry["timestamp"] for entry in entries]
        assert dates == sorted(dates, reverse=True)


def test_the_name_full_of_metacharacters_arrives_unchanged(site, corpus):
    odd = corpus.videos["trains-bridge"]
    with YoutubeDL(QUIET | {"extract_flat": "in_playlist"}) as ydl:
        entries = list(ydl.extract_info(channels(site)["night-trains"], download=False)["entries"])
    found = {unsmuggle_url(entry["url"])[1]["force_videoid"]: entry["title"] for entry in entries}
    assert all(character in odd.guid + odd.title for character in "$();\"&'`|<>%{}\\本ü")
    assert found[odd.guid] == odd.title


def test_yt_dlp_finds_media_poster_and_captions_of_a_page(site):
    base = channels(site)["garden-hour"].split("/feeds/")[0]
    with YoutubeDL(QUIET) as ydl:
        info = ydl.extract_info(f"{base}/pages/garden-spring.html", download=False, process=False)
        silent = ydl.extract_info(f"{base}/pages/silent.html", download=False, process=False)
    assert info["formats"][0]["url"] == f"{base}/media/garden-spring/garden-spring.mp4"
    assert info["thumbnail"] == f"{base}/media/garden-spring/garden-spring.jpg"
    assert info["subtitles"]["en"][0]["url"] == f"{base}/media/garden-spring/garden-spring.vtt"
    assert not silent.get("subtitles")


def test_the_corpus_holds_what_a_workflow_must_survive(corpus):
    reasons = {video.expected.reason for video in corpus.videos.values() if video.expected}
    assert reasons == {
        "no_people", "too_short", "one_speaker", "more_than_two_speakers", "other_language", "nobody_visible", "silent",
        "truncated", "not_media", "not_found", "before_first_date",
    }  # fmt: skip
    good = [name for name, video in corpus.videos.items() if video.expected is None]
    assert len(good) == 8
    listed = [video for channel in corpus.channels.values() for video in channel.videos]
    assert sorted(set(listed)) == sorted(corpus.videos)
    assert [video for video in listed if listed.count(video) > 1] == ["garden-soil", "garden-soil"]


def test_people_belong_to_one_channel(corpus):
    where = {}
    for name, channel in corpus.channels.items():
        for video in channel.videos:
            if not (video == "garden-soil" and name != "garden-hour"):  # the duplicate
                for person in corpus.videos[video].people:
                    where.setdefault(person, set()).add(name)
    for person in corpus.studio.people:
        where.setdefault(person, set()).add("studio")
    assert all(len(channels) == 1 for channels in where.values())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("people: [martin, amara]", "people: [martin, nobody]"), "nobody"),
        (("reason: too_short", "reason: boring"), "which no filter can decide"),
        (("- 1 Thank you.", "- 2 Thank you."), "lines of people it does not show"),
    ],
)
def test_a_mistake_in_the_script_is_told(tmp_path, change, sentence):
    path = tmp_path / "corpus.yaml"
    path.write_text(SPEC.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        load_corpus(path)
