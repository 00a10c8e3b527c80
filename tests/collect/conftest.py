"""A web site on loopback HTTP, with feeds, pages, pictures and videos that the tests make."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
import pytest

from nonverbal.collect.settings import Network
from nonverbal.media import run_ffmpeg

CAPTIONS = "WEBVTT\n\n00:00.500 --> 00:02.000\nhello there\n"


@dataclass
class Site:
    """Serves `files` (path -> type and bytes) and counts what is asked for; an int in place of bytes is a status."""

    url: str = ""
    files: dict[str, tuple[str, bytes | int]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    cookies: dict[str, str] = field(default_factory=dict)  # path -> those that came with the last request
    cut_at: dict[str, int] = field(default_factory=dict)  # path -> bytes after which the connection is closed

    def episode(
        self,
        name: str,
        video: bytes | int,
        kind: str = "video/mp4",
        captions: str | None = CAPTIONS,
        language: str = "en",
    ) -> None:
        """A page /NAME.html with the video /NAME.mp4, its picture and its captions."""
        track = f'<track kind="subtitles" srclang="{language}" src="/{name}.vtt">' if captions else ""
        player = f'<video poster="/{name}.jpg" src="/{name}.mp4" controls>{track}</video>'
        page = f"<html><head><title>{escape(name)}</title></head><body>{player}</body></html>"
        self.files[f"/{name}.html"] = ("text/html", page.encode())
        self.files[f"/{name}.mp4"] = (kind, video)
        if captions:
            self.files[f"/{name}.vtt"] = ("text/vtt", captions.encode())

    def feed(self, path: str, items: list[dict[str, str]]) -> str:
        """An RSS feed of items (title, link, guid, day and perhaps image); its address."""
        body = "".join(_item(item, self.url) for item in items)
        text = f'<?xml version="1.0"?><rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>Feed</title>{body}</channel></rss>'
        self.files[path] = ("application/rss+xml", text.encode())
        return self.url + path


def _item(item: dict[str, str], url: str) -> str:
    image = f"<itunes:image href={quoteattr(url + item['image'])}/>" if "image" in item else ""
    date = f"<pubDate>{item['day']} 12:00:00 GMT</pubDate>" if "day" in item else ""
    guid = f'<guid isPermaLink="false">{xml_escape(item["guid"])}</guid>' if "guid" in item else ""
    title, link = xml_escape(item["title"]), xml_escape(url + item["link"])
    return f"<item><title>{title}</title><link>{link}</link>{guid}{date}{image}</item>"


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            site.asked[path] += 1
            site.cookies[path] = self.headers.get("Cookie", "")
            kind, body = site.files.get(path, ("", 404))
            if isinstance(body, int):
                self.send_error(body)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cut_at.get(path, len(body))])

        def log_message(self, *arguments: object) -> None:
            """Silent."""

    return Handler


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(site))
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def network() -> Network:
    return Network(timeout_s=5, retries=0)


def make_video(path: Path, seconds: float, *options: str, fps: int = 25, size: str = "160x120") -> Path:
    run_ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=rate={fps}:size={size}:duration={seconds}",
        "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={seconds}",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", *options, str(path),
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s, 25 fps, a key frame a second, index in front."""
    folder = tmp_path_factory.mktemp("video")
    return make_video(folder / "six.mp4", 6, "-g", "25", "-movflags", "+faststart", "-metadata:s:a:0", "language=eng")


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    return cv2.imencode(".jpg", np.full((90, 160, 3), 127, np.uint8))[1].tobytes()
