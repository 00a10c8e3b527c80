"""The removal list is read or refused with a sentence, and a listing holds nothing of what it names."""

import hashlib
import json
from pathlib import Path

import pytest

from nonverbal.collect.channels import channels
from nonverbal.collect.removals import MANIFESTS, Removals, digest, listed_removals, read_list, without
from nonverbal.collect.settings import Channels
from nonverbal.dataset.funnel import count
from nonverbal.errors import UserError
from nonverbal.schema import as_table, read_rows

ALL = Channels(first_date=None, last_date=None, videos_per_channel=1000)


def write(folder: Path, text: str, name: str = "removals.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def removed(*entries: tuple[str, str]) -> Removals:
    return Removals(frozenset(digest(kind, name) for kind, name in entries))


def test_digest_is_that_of_a_shell():
    assert digest("video", "dQw4w9WgXcQ") == hashlib.sha256(b"video:dQw4w9WgXcQ").hexdigest()


def test_csv_text_and_digests_say_the_same(tmp_path):
    table = write(tmp_path, "\ufeffid,kind\nsome channel,channel\ndQw4w9WgXcQ,video\n")
    text = write(tmp_path, "# asked for by mail\n\nchannel some channel\nvideo  dQw4w9WgXcQ\n", "removals.txt")
    hashed = write(tmp_path, f"video sha256:{digest('video', 'dQw4w9WgXcQ')}\n", "hashed.txt")
    assert read_list(table) == read_list(text)
    assert read_list(hashed) == read_list(table)[1:]


@pytest.mark.parametrize(
    "text, said",
    [
        ("channel,url\na,b\n", "the first line must name the columns kind and id"),
        ("kind,id\nvideo,abc\nclip,abc\n", "line 3: 'clip', 'abc' is no entry"),
        ("kind,id\nvideo,\n", "line 2: 'video', '' is no entry"),
        ("kind,id\nvideo\n", "line 2: 'video', '' is no entry"),
        ("kind,id\nvideo,sha256:12\n", "line 2: 'video', 'sha256:12' is no entry"),
        ("kind,id\nspeaker,Ada\n", "dataset.split.persons names no CSV"),
    ],
)
def test_malformed_list_is_refused_with_its_line(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        listed_removals(write(tmp_path, text))


def test_list_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "removals.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "removals.csv", tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match="config key removals"):
            read_list(path)


def test_speaker_is_the_videos_of_that_person(tmp_path):
    persons = write(tmp_path, "video_id,person\nAAAAAAAAAAA,Ada\nBBBBBBBBBBB,Bob\nCCCCCCCCCCC,Ada\n", "persons.csv")
    found = listed_removals(write(tmp_path, "kind,id\nspeaker,Ada\n"), persons)
    assert [found.names("video", name * 11) for name in "ABC"] == [True, False, True]


def source(channel_id: str, entries: int) -> dict:
    url = f"https://site/{channel_id}"
    row = {"source": f"list.csv: {channel_id}", "channel_id": channel_id, "url": url, "entries": entries}
    return row | {"kept": True, "reason": "", "detail": f"lists {entries} videos"}


def video(video_id: str, channel_id: str, **other: object) -> dict:
    return {
        "video_id": video_id, "channel_id": channel_id, "url": f"https://site/{video_id}.html",
        "title": f"of {video_id}",
        "uploaded": "2020-01-06", "duration_s": 6.0, "thumbnail_url": "", "kept": True, "reason": "", "detail": "",
    } | other  # fmt: skip


def test_channel_its_videos_and_their_second_listing_leave_no_name(tmp_path):
    found = [source("one", 2), source("two", 2), source("three", 1)]
    again = {"kept": False, "reason": "duplicate", "detail": "already listed by channel one"}
    entries = [
        video("aaa", "one"), video("bbb", "one"), video("ccc", "two", url="https://site/aaa.html", **again),
        video("ddd", "two"), video("eee", "three"),
    ]  # fmt: skip
    kept, left, gone = without(found, entries, removed(("channel", "one"), ("video", "eee")))
    tables = {"sources": as_table("sources", kept).to_pandas(), "channels": as_table("channels", left).to_pandas()}
    text = json.dumps([kept, left])
    assert not [name for name in ("one", "aaa", "bbb", "ccc", "eee", "three") if name in text]
    assert [row["video_id"] for row in left] == ["", "ddd"]
    assert (gone.sources, gone.videos) == (2, {"aaa", "bbb", "ccc", "eee"})
    assert digest("channel", "three") not in gone.digests  # only its video was named
    counted = [(row["reason"], row["dropped"]) for name in tables for row in count("collect", name, "", tables[name])]
    assert counted == [("removed", 2), ("removed", 1)]
    assert sum(row["entries"] for row in kept) == len(left)
    assert without(kept, left, removed(("channel", "one")))[:2] == (kept, left)  # once is enough


def test_other_recording_of_a_dialogue_goes_with_it():
    name = "20230612_5f2b6c1de0a94c7788b3d1f4a6905e27"
    entries = [
        video("aaa", name, url="file:///a.mp4", title=f"{name}_left"),
        video("bbb", name, url="file:///b.mp4", title=f"{name}_right"),
    ]
    kept, left, gone = without([source(name, 2)], entries, removed(("video", "aaa")))
    assert (left, gone.videos) == ([], {"aaa", "bbb"}) and name not in json.dumps(kept)


def test_listing_anew_asks_a_removed_channel_nothing_and_says_nothing_of_it(site, tmp_path, network, caplog):
    items = {
        name: [{"title": name, "link": f"/{name}.html", "guid": name, "day": "Mon, 06 Jan 2020"}]
        for name in ("first", "second")
    }
    feeds = {name: site.feed(f"/{name}.xml", listed) for name, listed in items.items()}
    sources = write(
        tmp_path, "channel_id,url\n" + "".join(f"{name},{url}\n" for name, url in feeds.items()), "list.csv"
    )
    folder = tmp_path / "collect" / "channels"
    manifest = tmp_path / MANIFESTS / "20200101.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"digests": [digest("channel", "second")]}))
    caplog.set_level("INFO")
    tables = folder / "sources.parquet", folder / "channels.parquet", [folder / "00000.parquet"]
    channels([sources], *tables, [str(sources)], ALL, network)
    assert site.asked["/first.xml"] and not site.asked["/second.xml"]
    assert "second" not in json.dumps(read_rows(tables[0], "sources")) + caplog.text
    assert [row["reason"] for row in read_rows(tables[0], "sources")] == ["", "removed"]
    assert len(read_rows(tables[1], "channels")) == 1
