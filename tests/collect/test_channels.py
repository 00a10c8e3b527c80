import os
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.collect import channels as module
from nonverbal.collect.channels import channels, decide, drop_duplicates, write_shards
from nonverbal.collect.settings import Channels, Network
from nonverbal.collect.sources import LONGEST, expand, file_id, local_path, short_id
from nonverbal.errors import UserError
from nonverbal.schema import read_rows
from nonverbal.shards import shard_of

HOSTILE = "$(touch pwned); `id` | rm -rf ~ && \"quotes\" 'x' <b>& %(title)s ../../etc/passwd ünïcødé 日本語 🎧"
ALL = Channels(first_date=None, last_date=None, videos_per_channel=1000)
RANGE = Channels(first_date=date(2020, 1, 1), last_date=date(2021, 12, 31), videos_per_channel=2)


def episode(number: int, day: str, **other: str) -> dict[str, str]:
    return {"title": f"Episode {number}", "link": f"/{number}.html", "guid": f"guid-{number}", "day": day} | other


@pytest.fixture
def list_all(tmp_path: Path, network: Network) -> Callable[..., dict[str, list[dict]]]:
    """Runs the rule's function; the rows of its tables."""

    def run(listed: list[str], settings: Channels = ALL, shards: int = 2, name: str = "out") -> dict[str, list[dict]]:
        folder = tmp_path / name
        videos = [folder / f"{shard:05d}.parquet" for shard in range(shards)]
        local = [Path(source) for source in listed if "://" not in source]
        channels(local, folder / "sources.parquet", folder / "channels.parquet", videos, listed, settings, network)
        return {
            "sources": read_rows(folder / "sources.parquet", "sources"),
            "channels": read_rows(folder / "channels.parquet", "channels"),
            "videos": [row for path in videos for row in read_rows(path, "channels")],
        }

    return run


def test_feed_is_listed_newest_first_with_hostile_text_as_data(site, list_all, tmp_path):
    old = {"title": "old", "link": "/a.html", "guid": "a", "day": "Mon, 06 Jan 2020"}
    bad = {
        "title": HOSTILE,
        "link": "/b.html?q=$(id)&r=%3B",
        "guid": HOSTILE,
        "day": "Tue, 07 Jan 2020",
        "image": "/b.jpg",
    }
    feed = site.feed("/feed.xml", [old, bad])
    tables = list_all([feed])
    first, second = tables["channels"]
    assert (first["title"], first["uploaded"]) == (HOSTILE, "2020-01-07")
    assert first["thumbnail_url"] == f"{site.url}/b.jpg"
    assert first["url"].startswith(f"{site.url}/b.html?q=")
    assert "smuggle" not in first["url"]
    assert (second["title"], second["thumbnail_url"]) == ("old", "")
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{11}", row["video_id"]) for row in tables["channels"])
    assert sorted(row["video_id"] for row in tables["videos"]) == sorted(row["video_id"] for row in tables["channels"])
    assert tables["sources"][0]["entries"] == 2
    assert not list(tmp_path.rglob("pwned"))


def test_ids_do_not_depend_on_the_host(site, list_all):
    feed = site.feed("/feed.xml", [episode(1, "Mon, 06 Jan 2020"), episode(2, "Mon, 06 Jan 2020", guid="")])
    here = list_all([feed], name="here")["channels"]
    there = list_all([feed.replace("127.0.0.1", "localhost")], name="there")["channels"]
    assert [row["video_id"] for row in here] == [row["video_id"] for row in there]
    assert [row["channel_id"] for row in here] == [row["channel_id"] for row in there]


def test_dates_limit_and_duplicates_are_rows_with_reasons(site, list_all):
    days = ["Sat, 01 Jan 2022", "Fri, 31 Dec 2021", "Fri, 01 Jan 2021", "Wed, 01 Jan 2020", "Tue, 31 Dec 2019"]
    items = [episode(number, day) for number, day in enumerate(days)]
    feed = site.feed("/feed.xml", [*items, episode(1, days[1], title="again")])
    rows = list_all([feed], RANGE)["channels"]
    assert [(row["title"], row["reason"]) for row in rows] == [
        ("Episode 0", "after_last_date"), ("Episode 1", ""), ("again", "duplicate"), ("Episode 2", ""),
        ("Episode 3", "over_channel_limit"), ("Episode 4", "before_first_date"),
    ]  # fmt: skip


def test_video_of_two_channels_belongs_to_the_first(site, list_all, tmp_path):
    first = site.feed("/one.xml", [episode(1, "Mon, 06 Jan 2020"), episode(2, "Mon, 06 Jan 2020")])
    second = site.feed("/two.xml", [episode(2, "Mon, 06 Jan 2020"), episode(3, "Mon, 06 Jan 2020")])
    table = tmp_path / "channels.csv"
    table.write_text(f"channel_id,url\none,{first}\ntwo,{second}\n", encoding="utf-8-sig")
    rows = list_all([str(table)])["channels"]
    assert [(row["channel_id"], row["title"], row["reason"]) for row in rows] == [
        ("one", "Episode 1", ""), ("one", "Episode 2", ""), ("two", "Episode 2", "duplicate"), ("two", "Episode 3", ""),
    ]  # fmt: skip
    assert rows[2]["detail"] == "already listed by channel one"


def test_one_unreachable_channel_is_recorded_and_all_unreachable_is_an_error(site, list_all, tmp_path):
    lines = tmp_path / "urls.txt"
    lines.write_text(f"# two\n{site.url}/gone.xml\n\n{site.feed('/feed.xml', [episode(1, 'Mon, 06 Jan 2020')])}\n")
    tables = list_all([str(lines)])
    assert [(row["reason"], row["entries"]) for row in tables["sources"]] == [("unreachable", 0), ("", 1)]
    assert tables["sources"][0]["source"] == f"{lines}:2"
    assert "404" in tables["sources"][0]["detail"]
    assert len(tables["channels"]) == 1
    with pytest.raises(UserError, match="none of the 1 sources lists a video"):
        list_all([f"{site.url}/gone.xml"], name="all gone")


def test_server_that_is_busy_is_asked_again(site, monkeypatch):
    site.files["/busy.xml"] = ("", 503)
    monkeypatch.setattr("nonverbal.collect.remote.time.sleep", lambda seconds: None)
    monkeypatch.setattr("nonverbal.collect.remote.pause_s", lambda n: 0.0)
    source = expand([f"{site.url}/busy.xml"])[0]
    (row,) = module.list_source(source, ALL, Network(timeout_s=5, retries=2))["sources"]
    assert row["reason"] == "unreachable"
    assert "503" in row["detail"]
    assert site.asked["/busy.xml"] == 3


def test_killed_listing_goes_on_where_it_was(site, list_all, monkeypatch):
    feeds = [site.feed(f"/{n}.xml", [episode(n, "Mon, 06 Jan 2020")]) for n in range(3)]
    real = module.list_source

    def killed(source, *others):
        if source.url == feeds[1]:
            raise KeyboardInterrupt
        return real(source, *others)

    monkeypatch.setattr(module, "list_source", killed)
    with pytest.raises(KeyboardInterrupt):
        list_all(feeds)
    asked = site.asked["/0.xml"]
    assert asked > 0
    assert site.asked["/1.xml"] == 0
    monkeypatch.setattr(module, "list_source", real)
    resumed = list_all(feeds)
    assert site.asked["/0.xml"] == asked
    assert resumed == list_all(feeds, name="in one go")


def test_new_video_leaves_the_bytes_of_other_shards(site, list_all, tmp_path):
    items = [episode(number, "Mon, 06 Jan 2020") for number in range(6)]
    before = list_all([site.feed("/feed.xml", items)], shards=4, name="before")["videos"]
    after = list_all([site.feed("/feed.xml", [episode(9, "Tue, 07 Jan 2020"), *items])], shards=4, name="after")[
        "videos"
    ]
    (new,) = {row["video_id"] for row in after} - {row["video_id"] for row in before}
    same = [
        (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()
        for name in (f"{shard:05d}.parquet" for shard in range(4))
    ]
    assert same == [shard != shard_of(new, 4) for shard in range(4)]


def test_single_video_page_is_a_source(site, list_all, video):
    site.episode("talk", video.read_bytes())
    (row,) = list_all([f"{site.url}/talk.html"])["channels"]
    assert row["kept"]
    assert row["url"] == f"{site.url}/talk.html"
    assert row["thumbnail_url"] == f"{site.url}/talk.jpg"


def test_undated_listing_asks_the_pages_until_the_limit_is_reached():
    days = {"u0": "2023-01-01", "u1": "2021-05-01", "u2": "2021-04-01", "u3": "2021-03-01"}
    asked = []
    rows = [{"video_id": url, "url": url, "uploaded": ""} for url in days]
    decided = decide(rows, RANGE, lambda url: asked.append(url) or days[url])
    assert [row["reason"] for row in decided] == ["after_last_date", "", "", "over_channel_limit"]
    assert asked == ["u0", "u1", "u2"]


def test_upload_day_is_read_from_a_page(site, network):
    page = f"""<html><head><script type="application/ld+json">{{"@context": "https://schema.org", "name": "x",
    "@type": "VideoObject", "uploadDate": "2019-03-04T05:06:07Z", "contentUrl": "{site.url}/x.mp4"}}</script></html>"""
    site.files["/dated.html"] = ("text/html", page.encode())
    assert module.upload_day(f"{site.url}/dated.html", network) == "2019-03-04"
    assert module.upload_day(f"{site.url}/gone.html", network) == ""


@given(
    days=st.lists(st.dates(date(2018, 1, 1), date(2023, 12, 31)), max_size=20),
    limit=st.integers(1, 5),
    ids=st.lists(st.integers(0, 12), min_size=20, max_size=20),
)
def test_decisions_balance_and_take_the_newest(days, limit, ids):
    settings = Channels(first_date=date(2020, 1, 1), last_date=date(2021, 12, 31), videos_per_channel=limit)
    entries = [
        {"video_id": str(ids[n]), "url": f"https://host/{n}", "uploaded": str(day)} for n, day in enumerate(days)
    ]
    rows = decide(entries, settings, lambda url: pytest.fail("dated entries are not asked for"))
    assert sorted(row["url"] for row in rows) == sorted(entry["url"] for entry in entries)
    kept = [row for row in rows if row["kept"]]
    assert len(kept) <= limit
    assert len({row["video_id"] for row in kept}) == len(kept)
    assert all("2020-01-01" <= row["uploaded"] <= "2021-12-31" for row in kept)
    over = [row["uploaded"] for row in rows if row["reason"] == "over_channel_limit"]
    assert not over or max(over) <= min(row["uploaded"] for row in kept)


def test_own_files_are_told_apart_by_content(list_all, tmp_path, video):
    folder = tmp_path / "my talks"
    (folder / "second show").mkdir(parents=True)
    (folder / f"{'$(touch pwned); ünï 日本'}.mp4").write_bytes(video.read_bytes())
    (folder / "second show" / "copy.MOV").write_bytes(video.read_bytes())
    (folder / "second show" / "other.mkv").write_bytes(b"other")
    (folder / "notes.txt").write_text("no video")
    rows = list_all([str(folder)])["channels"]
    assert [(row["channel_id"], row["title"], row["reason"]) for row in rows] == [
        ("my talks", "$(touch pwned); ünï 日本", ""), ("second show", "copy", "duplicate"),
        ("second show", "other", ""),
    ]  # fmt: skip
    assert rows[0]["video_id"] == file_id(video)
    assert rows[0]["url"].startswith("file:///")


def test_empty_folder_is_an_error_and_beside_others_a_row(list_all, tmp_path, video):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="lists no video"):
        list_all([str(tmp_path / "empty")])
    tables = list_all([str(tmp_path / "empty"), str(video)], name="both")
    assert [row["reason"] for row in tables["sources"]] == ["empty", ""]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "channel,address\nx,https://host/feed\n", "must name the columns channel_id and url"),
        ("b.csv", "channel_id,url\nx,ftp://host/feed\n", "line 2: 'ftp://host/feed' is not a URL"),
        ("c.txt", "https://host/feed\nhost/feed\n", "line 2: 'host/feed' is not a URL"),
        ("d.doc", "x", "is no folder, .csv or .txt list, video file or URL"),
    ],
)
def test_wrong_list_is_one_sentence(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        expand([str(tmp_path / name)])


def test_duplicates_by_address_across_channels():
    row = {"kept": True, "reason": "", "detail": ""}
    rows = [
        row | {"video_id": v, "url": u, "channel_id": c}
        for v, u, c in [("a", "x", "1"), ("b", "x", "2"), ("b", "y", "3")]
    ]
    assert [one["reason"] for one in drop_duplicates(rows)] == ["", "duplicate", "duplicate"]


class Listings:
    """Stands for yt-dlp: listings by address."""

    def __init__(self, pages):
        self.pages = pages

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def extract_info(self, url, download):
        return self.pages[url]


def test_tabs_of_a_youtube_channel_are_one_listing(network, monkeypatch):
    def watch(video_id):
        return {"_type": "url", "ie_key": "Youtube", "id": video_id, "url": f"https://www.youtube.com/watch?v={video_id}",
                "title": video_id, "duration": 61, "thumbnails": [{"url": "small"}, {"url": "large"}]}  # fmt: skip

    tabs = [{"_type": "url", "ie_key": "YoutubeTab", "url": tab} for tab in ("videos", "shorts")]
    pages = {
        "https://www.youtube.com/@x": {"_type": "playlist", "channel_id": "UCx", "entries": tabs},
        "videos": {"_type": "playlist", "entries": [watch("dQw4w9WgXcQ"), None, watch("-NQXAC9IVR_")]},
        "shorts": {"_type": "playlist", "entries": [watch("aaaaaaaaaaa")]},
    }
    monkeypatch.setattr(module, "client", lambda *_, **__: Listings(pages))
    tables = module.list_source(expand(["https://www.youtube.com/@x"])[0], ALL, network)
    assert [row["video_id"] for row in tables["channels"]] == ["dQw4w9WgXcQ", "-NQXAC9IVR_", "aaaaaaaaaaa"]
    assert {row["channel_id"] for row in tables["channels"]} == {"UCx"}
    assert {row["thumbnail_url"] for row in tables["channels"]} == {"large"}


def test_list_that_is_no_text_is_one_sentence(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"https://host/caf\xe9\n")
    with pytest.raises(UserError, match="not UTF-8 text"):
        expand([str(tmp_path / "latin.txt")])


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_short_ids_have_the_form_of_youtubes(parts):
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", short_id(*parts))
    assert short_id(*parts) == short_id(*parts)
    assert short_id(*parts) != short_id(*parts, "")


def test_shard_files_are_written_even_when_empty(tmp_path):
    write_shards([], [tmp_path / "00000.parquet"])
    assert pq.read_table(tmp_path / "00000.parquet").num_rows == 0


def test_names_that_are_no_text_are_read_and_shown_plainly(site, list_all, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for name in (b"\xff\xfe.mp4", b"line\nbreak\x1b[31m.mp4"):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).touch()
    rows = {row["title"]: row for row in list_all([str(folder)])["channels"]}
    assert set(rows) == {"\ufffd\ufffd", "line break [31m"}
    for row in rows.values():
        assert local_path(row["url"]).is_file()


def test_a_title_of_ten_megabytes_is_cut(site, list_all):
    feed = site.feed("/feed.xml", [episode(1, "Mon, 06 Jan 2020", title="long " * 2_000_000)])
    (row,) = list_all([feed], name="long")["channels"]
    assert row["title"].startswith("long long") and len(row["title"]) == LONGEST and row["title"].endswith("…")
