"""The demonstration's web site: a feed a channel, a page a video, and the list of channels."""

import csv
from datetime import UTC, datetime, time
from email.utils import format_datetime
from html import escape
from pathlib import Path
from xml.etree import ElementTree

from nonverbal.demo.settings import Corpus, Video

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"


def feed(media: list[Path], channels: Path, feeds: Path, pages: Path, settings: Corpus, port: int) -> None:
    """Write what a podcast's host would serve.

    Args:
        media: the videos' folders, one for each video and named after it.
        channels: CSV to write, columns channel_id and url.
        feeds: folder to write, an RSS file a channel.
        pages: folder to write, an HTML page a video.
        settings: channels and videos.
        port: of the loopback server; every URL names it.
    """
    folders = {folder.name: folder for folder in media}
    base = f"http://127.0.0.1:{port}"
    for folder in (feeds, pages):
        folder.mkdir(parents=True, exist_ok=True)
    for name, video in settings.videos.items():
        (pages / f"{name}.html").write_text(page(name, video, folders[name], base), encoding="utf-8")
    with channels.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["channel_id", "url"])
        for channel in settings.channels:
            (feeds / f"{channel}.xml").write_bytes(rss(channel, settings, base))
            writer.writerow([channel, f"{base}/{feeds.name}/{channel}.xml"])


def rss(channel: str, settings: Corpus, base: str) -> bytes:
    """The RSS file of one channel, newest video first."""
    ElementTree.register_namespace("itunes", ITUNES)
    root = ElementTree.Element("rss", version="2.0")
    body = ElementTree.SubElement(root, "channel")
    _add(body, "title", settings.channels[channel].title)
    _add(body, "link", f"{base}/feeds/{channel}.xml")
    listed = {name: settings.videos[name] for name in settings.channels[channel].videos}
    for name, video in sorted(listed.items(), key=lambda item: item[1].uploaded, reverse=True):
        item = ElementTree.SubElement(body, "item")
        _add(item, "guid", video.guid or name, isPermaLink="false")
        _add(item, "title", video.title)
        _add(item, "link", f"{base}/pages/{name}.html")
        _add(item, "pubDate", format_datetime(datetime.combine(video.uploaded, time(12), UTC)))
        _add(item, f"{{{ITUNES}}}duration", str(round(video.length_s)))
        _add(item, f"{{{ITUNES}}}image", None, href=f"{base}/media/{name}/{name}.jpg")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _add(parent: ElementTree.Element, tag: str, text: str | None, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = text


def page(name: str, video: Video, folder: Path, base: str) -> str:
    """The HTML page of one video; captions are offered where there are any."""
    media = f"{base}/media/{name}/{name}"
    track = ""
    if (folder / f"{name}.vtt").exists():
        track = f'\n<track kind="subtitles" srclang="{video.language}" src="{media}.vtt">'
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{escape(video.title)}</title></head>\n'
        f'<body><h1>{escape(video.title)}</h1>\n<video controls poster="{media}.jpg" src="{media}.mp4">{track}\n'
        "</video></body></html>\n"
    )
