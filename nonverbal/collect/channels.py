"""List the videos of every source, and decide which are taken (paper: dates, 300 a channel, no duplicates)."""

import logging
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.utils import unsmuggle_url

from nonverbal.collect.remote import client, explained, patient
from nonverbal.collect.removals import NOBODY, Removals, in_force, without
from nonverbal.collect.settings import Channels, Network
from nonverbal.collect.sources import Source, address, bare, expand, file_id, readable, short_id
from nonverbal.errors import Drop, NotNow, UserError
from nonverbal.schema import write_table
from nonverbal.shards import finish_units, shard_of, work_folder
from nonverbal.studio.names import EXPECTED, recording
from nonverbal.studio.settings import StudioSource

log = logging.getLogger("nonverbal")
Row = dict[str, Any]
KEPT = {"kept": True, "reason": ""}


def channels(
    local: list[Path],
    sources: Path,
    channels: Path,
    videos: list[Path],
    listed: list[str | dict[str, Any]],
    settings: Channels,
    network: Network,
) -> None:
    """List all sources; a killed job goes on with the first source that it had not finished.

    Args:
        local: the files and folders that `listed` names, so that what makes them runs first and a change lists anew.
        sources: table `sources` to write, one row a source.
        channels: table `channels` to write, one row a listed video.
        videos: table `channels` to write for each shard in order, its kept videos by id.
        listed: the config's `sources`.
        settings: date range and number of videos.
        network: time-out and retries.

    Raises:
        UserError: no source lists a video, or a list can't be read.
    """
    wanted = expand([one if isinstance(one, str) else StudioSource.model_validate(one) for one in listed])
    work = work_folder(channels, [settings.model_dump(), [_state(source) for source in wanted]])
    units = {f"{number:05d}": source for number, source in enumerate(wanted)}
    removals = in_force(channels.parents[2])
    tables = finish_units(
        list(units),
        lambda unit: list_source(units[unit], settings, network, removals),
        ["sources", "channels"],
        work,
        "channels",
    )
    entries = drop_duplicates(tables["channels"].to_pylist())
    found, entries, _ = without(tables["sources"].to_pylist(), entries, removals)
    _report(found)
    write_table(sources, "sources", found)
    write_table(channels, "channels", entries)
    write_shards(entries, videos)
    shutil.rmtree(work)


def _state(source: Source) -> list[Any]:
    files = [(file, file.stat()) for file in source.files]
    return [source.name, source.url, source.channel_id, [(str(file), st.st_size, st.st_mtime_ns) for file, st in files]]


def _report(found: list[Row]) -> None:
    missing = [row for row in found if not row["kept"] and row["reason"] != "removed"]
    for row in missing:
        log.warning("%s (%s) is left out: %s", row["source"], row["url"], row["detail"])
    if not any(row["kept"] for row in found):
        first = next((row["detail"] for row in found), "the lists are empty")
        raise UserError(f"config key sources: none of the {len(found)} sources lists a video; the first: {first}")


def write_shards(entries: list[Row], videos: list[Path]) -> None:
    """Each shard's kept videos, sorted by id: a shard whose videos are the same has the same bytes."""
    shards: list[list[Row]] = [[] for _ in videos]
    for row in sorted((row for row in entries if row["kept"]), key=lambda row: row["video_id"]):
        shards[shard_of(row["video_id"], len(videos))].append(row)
    for path, rows in zip(videos, shards, strict=True):
        write_table(path, "channels", rows)


def drop_duplicates(rows: list[Row]) -> list[Row]:
    """Drop a video that an earlier channel has: the same id or the same address; a channel drops its own before."""
    ids: dict[str, str] = {}
    urls: dict[str, str] = {}
    decided = []
    for row in rows:
        first = ids.get(row["video_id"]) or urls.get(row["url"])
        if row["kept"] and first is not None:
            row = row | _dropped("duplicate", f"already listed by channel {first}")
        ids.setdefault(row["video_id"], row["channel_id"])
        urls.setdefault(row["url"], row["channel_id"])
        decided.append(row)
    return decided


def list_source(
    source: Source, settings: Channels, network: Network, removals: Removals = NOBODY
) -> dict[str, list[Row]]:
    """The `sources` row of one source and the `channels` rows of the videos it lists, decided.

    A removed channel is not asked for anything.
    """
    row: Row = {
        "source": readable(source.name),
        "channel_id": readable(source.channel_id),
        "url": source.url,
        "entries": 0,
    }
    if removals.names("channel", source.channel_id, source.url):
        return {"sources": [row | _dropped("removed", "its removal was asked for")], "channels": []}
    try:
        entries = _remote(source, network) if source.url else [_local(source.channel_id, file) for file in source.files]
    except (Drop, NotNow) as error:
        return {"sources": [row | _dropped("unreachable", str(error))], "channels": []}
    if not entries:
        return {"sources": [row | _dropped("empty", "it lists no video")], "channels": []}
    row |= {"channel_id": entries[0]["channel_id"], "entries": len(entries)}
    if not removals.names("channel", row["channel_id"]):
        log.info("%s lists %d videos", source.url or source.name, len(entries))
    row |= KEPT | {"detail": f"lists {len(entries)} videos"}
    rows = decide(entries, settings, lambda url: upload_day(url, network))
    return {"sources": [row], "channels": [_named(one) for one in rows] if source.studio else rows}


def _named(row: Row) -> Row:
    """A recording's row; without its name nobody knows who is on which channel."""
    if recording(row["title"]) is not None:
        return row
    log.warning("%s is left out: the file's name is not %s", row["title"], EXPECTED)
    return row | _dropped("bad_name", f"the file's name is not {EXPECTED}")


def _local(channel_id: str, file: Path) -> Row:
    return {
        "video_id": file_id(file), "channel_id": readable(channel_id), "url": file.absolute().as_uri(),
        "title": readable(file.stem),
        "uploaded": "", "duration_s": None, "thumbnail_url": "",
    }  # fmt: skip


def _remote(source: Source, network: Network) -> list[Row]:
    # An entry stays as the listing has it; a listing is not refused for a video without formats.
    with client(network, extract_flat="in_playlist", ignore_no_formats_error=True) as ydl:
        info = _ask(ydl, source.url, network)
        fallback = (
            source.channel_id or info.get("channel_id") or info.get("uploader_id") or short_id(address(source.url))
        )
        return [
            _entry(entry, source.channel_id or entry.get("channel_id") or fallback)
            for entry in _flat(ydl, info, network)
        ]


def _ask(ydl: YoutubeDL, url: str, network: Network) -> Row:
    return patient(lambda: ydl.extract_info(url, download=False), network)


def _flat(ydl: YoutubeDL, info: Row, network: Network) -> Iterator[Row]:
    """The videos of a listing; a channel's tabs are listings in it."""
    if info.get("_type") != "playlist":
        yield info
        return
    for entry in info["entries"]:
        if entry is None:
            continue
        if entry.get("ie_key") == "YoutubeTab":
            entry = _ask(ydl, entry["url"], network)
        yield from _flat(ydl, entry, network)


def _entry(entry: Row, channel_id: str) -> Row:
    """A `channels` row, undecided, from what yt-dlp says of a listed video."""
    url, smuggled = unsmuggle_url(entry.get("webpage_url") or entry["url"], {})
    pictures = entry.get("thumbnails") or [{}]  # the last is the best
    return {
        "video_id": _video_id(entry, smuggled.get("force_videoid") or entry.get("id") or address(url), channel_id),
        "channel_id": readable(channel_id),
        "url": bare(url),
        "title": readable(str(entry.get("title") or "")),
        "uploaded": _day(entry),
        "duration_s": entry.get("duration"),
        "thumbnail_url": bare(str(entry.get("thumbnail") or pictures[-1].get("url") or "")),
    }


def _video_id(entry: Row, own_id: str, channel_id: str) -> str:
    """YouTube's own id; else a digest of what the channel calls the video, as another channel may call one the same."""
    site = entry.get("extractor_key") or entry.get("ie_key")
    if site == "Youtube" and re.fullmatch(r"[A-Za-z0-9_-]{11}", own_id):
        return own_id
    return short_id(channel_id, own_id)


def _day(entry: Row) -> str:
    """YYYY-MM-DD (UTC) of the upload, "" where it is not told."""
    if entry.get("upload_date"):
        return datetime.strptime(entry["upload_date"], "%Y%m%d").date().isoformat()
    if entry.get("timestamp") is not None:
        return datetime.fromtimestamp(entry["timestamp"], UTC).date().isoformat()
    return ""


def upload_day(url: str, network: Network) -> str:
    """The upload day that a video's own page tells (YYYY-MM-DD), "" where it tells none or can't be read."""
    with client(network) as ydl:
        try:
            return _day(explained(lambda: ydl.extract_info(url, download=False, process=False)) or {})
        except (Drop, NotNow) as error:
            log.warning("no upload date of %s: %s", url, error)
            return ""


def decide(entries: list[Row], settings: Channels, upload_day: Any) -> list[Row]:  # noqa: ANN401 - url -> day
    """A channel's rows, newest first, each kept or dropped with its reason.

    Entries without a date keep the place that the listing gives them (sites list the newest first). When a date range
    is set, their pages are asked for it, but no more of them than it takes to fill the channel's limit.
    """
    ranged = settings.first_date is not None or settings.last_date is not None
    dated = all(entry["uploaded"] for entry in entries)
    ordered = sorted(entries, key=lambda entry: entry["uploaded"], reverse=True) if dated else entries
    seen: set[str] = set()
    kept, rows = 0, []
    for entry in ordered:
        duplicate, full = entry["video_id"] in seen, kept == settings.videos_per_channel
        remote = not entry["url"].startswith("file:")
        if ranged and remote and not entry["uploaded"] and not duplicate and not full:
            entry = entry | {"uploaded": upload_day(entry["url"])}
        seen.add(entry["video_id"])
        decision = _decision(entry["uploaded"], duplicate, full, settings)
        kept += decision["kept"]
        rows.append(entry | decision)
    return rows


def _decision(uploaded: str, duplicate: bool, full: bool, settings: Channels) -> Row:
    day = date.fromisoformat(uploaded) if uploaded else None
    if duplicate:
        return _dropped("duplicate", "listed before in the same channel")
    if day and settings.first_date and day < settings.first_date:
        return _dropped("before_first_date", f"uploaded on {day}, before {settings.first_date}")
    if day and settings.last_date and day > settings.last_date:
        return _dropped("after_last_date", f"uploaded on {day}, after {settings.last_date}")
    if full:
        return _dropped("over_channel_limit", f"the channel has {settings.videos_per_channel} newer videos")
    return KEPT | {"detail": f"uploaded on {day}" if day else "the listing names no upload date"}


def _dropped(reason: str, detail: str) -> Row:
    return {"kept": False, "reason": reason, "detail": detail}
