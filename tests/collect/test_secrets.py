"""Secrets of a source are neither in what a run writes nor in what it says."""

import json
from pathlib import Path

import pytest

from nonverbal.collect.channels import channels
from nonverbal.collect.settings import Channels
from nonverbal.collect.sources import bare, expand
from nonverbal.errors import UserError

ALL = Channels(first_date=None, last_date=None, videos_per_channel=1000)
SECRET = "https://ada:s3cret@site.example/feed.xml"


@pytest.mark.parametrize("text", [f"channel_id,url\na,{SECRET}\n", f"# feeds\n{SECRET}\n"])
def test_password_in_a_list_is_refused_without_being_said(tmp_path, text):
    path = tmp_path / ("list.csv" if "," in text else "list.txt")
    path.write_text(text)
    with pytest.raises(UserError, match="line 2: an address holds a user or password") as error:
        expand([str(path)])
    assert "s3cret" not in str(error.value) and "NONVERBAL_COOKIES" in str(error.value)


def test_bare_address():
    assert bare("https://ada:p@ss@host:8080/a?b=c@d") == "https://host:8080/a?b=c@d"
    assert bare("https://host/@channel") == "https://host/@channel"


def test_password_in_a_feed_and_cookies_are_in_no_table_and_no_log(site, tmp_path, network, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    secret = site.url.replace("//", "//ada:s3cret@")
    feed = site.feed("/feed.xml", [{"title": "a", "link": "/a.html", "guid": "a", "day": "Mon, 06 Jan 2020"}])
    kind, data = site.files["/feed.xml"]
    site.files["/feed.xml"] = (kind, data.replace(f"{site.url}/a".encode(), f"{secret}/a".encode()))
    jar = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsession\tt0ken\n"
    (tmp_path / "cookies.txt").write_text(jar)
    monkeypatch.setenv("NONVERBAL_COOKIES", str(tmp_path / "cookies.txt"))
    folder = tmp_path / "collect" / "channels"
    tables = folder / "sources.parquet", folder / "channels.parquet", [folder / "00000.parquet"]
    channels([], *tables, [feed], ALL, network)
    assert site.cookies["/feed.xml"] == "session=t0ken" and (tmp_path / "cookies.txt").read_text() == jar
    said = caplog.text + json.dumps([_values(path) for path in folder.glob("*.parquet")])
    assert f"{site.url}/a.html" in said and "s3cret" not in said and "t0ken" not in said


def test_cookies_that_cannot_be_read_are_told(monkeypatch, tmp_path, network):
    from nonverbal.collect.remote import client

    monkeypatch.setenv("NONVERBAL_COOKIES", str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match="NONVERBAL_COOKIES"):
        client(network)


def _values(path: Path) -> list[dict]:
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist()
