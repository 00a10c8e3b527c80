"""Caption tracks: which is taken, from a site or from beside a file, and WebVTT made of it."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request

from nonverbal.collect.probe import language_code
from nonverbal.collect.remote import patient
from nonverbal.collect.settings import Network
from nonverbal.errors import Drop, NotNow
from nonverbal.media import MediaError, run_ffmpeg

log = logging.getLogger("nonverbal")
FORMATS = ("vtt", "srt", "ttml", "ass")  # what ffmpeg reads, the best first
NO_CAPTIONS = ("", "")


def choose(languages: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The track to take: the first choice there is (en takes en-US too), else the first track by name."""
    names = sorted(name for name in languages if name != "live_chat")
    for choice in wanted:
        for name in names:
            if name == choice or name.startswith(f"{choice}-"):
                return name
    return names[0] if names else None


def remote_captions(
    ydl: YoutubeDL, info: Mapping[str, Any], folder: Path, video_id: str, wanted: Sequence[str], network: Network
) -> tuple[str, str]:
    """Fetch a video's caption track: its file name in the folder and its language, both "" without one.

    Only tracks that the uploader made are taken: a site's translations are not what was said.
    """
    tracks = info.get("subtitles") or {}
    name = choose(list(tracks), wanted)
    formats = {track.get("ext"): track for track in tracks.get(name, []) if track.get("protocol", "").find("m3u8") < 0}
    suffix = next((suffix for suffix in FORMATS if suffix in formats), None)
    if name is None or suffix is None:
        return NO_CAPTIONS
    try:
        data = formats[suffix].get("data") or _fetch(ydl, formats[suffix], network)
    except (Drop, NotNow) as error:
        log.warning("%s: no captions: %s", video_id, error)
        return NO_CAPTIONS
    stored = store(data, suffix, folder, video_id)
    return stored, language_code(name) if stored else ""


def _fetch(ydl: YoutubeDL, track: Mapping[str, Any], network: Network) -> bytes:
    request = Request(track["url"], headers=track.get("http_headers") or {})
    return patient(lambda: ydl.urlopen(request).read(), network)


def own_captions(file: Path, folder: Path, video_id: str, wanted: Sequence[str]) -> tuple[str, str]:
    """The captions beside a person's own file: NAME.vtt, NAME.en.vtt or .srt of the same kind."""
    pattern = re.compile(
        re.escape(file.stem) + r"(?:\.([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*))?\.(vtt|srt)", re.IGNORECASE
    )
    found = {}
    for beside in sorted(file.parent.iterdir(), reverse=True):  # .vtt before .srt
        match = pattern.fullmatch(beside.name)
        if match:
            found[match[1] or ""] = (beside, match[2].lower())
    name = choose(list(found), wanted)
    if name is None:
        return NO_CAPTIONS
    beside, suffix = found[name]
    stored = store(beside.read_bytes(), suffix, folder, video_id)
    return stored, language_code(name) if stored else ""


def store(data: bytes | str, suffix: str, folder: Path, video_id: str) -> str:
    """Write captions as WebVTT, {video_id}.vtt; "" where they can't be read as what they are called."""
    raw = data.encode() if isinstance(data, str) else data
    target = folder / f"{video_id}.vtt"
    text = raw.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    if suffix == "vtt":
        if not text.startswith("WEBVTT"):
            log.warning("%s: the captions are no WebVTT", video_id)
            return ""
        target.write_text(text, encoding="utf-8")
        return target.name
    original = folder / f"{video_id}.captions.{suffix}"
    original.write_text(text, encoding="utf-8")
    try:
        run_ffmpeg("-i", str(original), str(target))
    except MediaError as error:
        log.warning("%s: the captions can't be read: %s", video_id, error)
        target.unlink(missing_ok=True)
    original.unlink()
    return target.name if target.exists() else ""
