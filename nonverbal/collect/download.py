"""Media, captions and what is known of them, for the videos that F1 keeps."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nonverbal.collect.captions import own_captions, remote_captions
from nonverbal.collect.probe import language_code, probe
from nonverbal.collect.remote import client, explained, patient
from nonverbal.collect.settings import Download, Network
from nonverbal.collect.sources import VIDEO_SUFFIXES, local_path, readable
from nonverbal.errors import Drop, NotNow
from nonverbal.media import closed_inputs
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import kept_ids, read_rows
from nonverbal.shards import link_or_copy, map_units

log = logging.getLogger("nonverbal")
Row = dict[str, Any]
LOG_EVERY_S = 30.0
ABSENT: Row = {
    "path": "", "duration_s": 0.0, "width": 0, "height": 0, "fps": 0.0, "captions": "", "caption_language": "",
    "captions_origin": "", "language": "", "licence": "", "availability": "", "checked": "", "sha256": "",
}  # fmt: skip


def download(
    videos: Path, people: Path, download: Path, media: Path, settings: Download, network: Network, shard: str = ""
) -> None:
    """Fetch or link each kept video as {video_id}.mp4 (own files keep their suffix), its captions as {video_id}.vtt.

    Args:
        videos: table `channels` of the shard.
        people: table `keep_people` of the shard.
        download: table to write, one row a video.
        media: folder to write the files to.
        settings: size, caption languages, what to do when a server does not answer.
        network: time-out and retries.
        shard: its number, for the log.
    """
    wanted = set(kept_ids(people, "keep_people"))
    rows = {row["video_id"]: row for row in read_rows(videos, "channels") if row["video_id"] in wanted}
    map_units(
        list(rows),
        lambda video_id, folder: {"download": [fetch(rows[video_id], folder, settings, network)]},
        {"download": download},
        [settings.model_dump(), {video_id: row["url"] for video_id, row in rows.items()}],
        f"download {shard}",
        media=media,
    )


def fetch(video: Row, folder: Path, settings: Download, network: Network) -> Row:
    """The `download` row of one video, whose files are then in the folder.

    Raises:
        NotNow: the server does not answer, unless `drop_unreachable` makes that a row.
        OSError: this machine's fault.
    """
    row = ABSENT | {name: video[name] for name in ("video_id", "channel_id", "title")}
    row["checked"] = datetime.now(UTC).date().isoformat()
    get = _own if video["url"].startswith("file:") else _remote
    try:
        return row | get(video, folder, settings, network) | {"kept": True, "reason": ""}
    except NotNow as error:
        if not settings.drop_unreachable:
            raise
        drop = Drop("unavailable", str(error))
    except Drop as error:
        drop = error
    for file in folder.iterdir():
        file.unlink()
    return row | {"kept": False, "reason": drop.reason, "detail": drop.detail}


def _own(video: Row, folder: Path, settings: Download, network: Network) -> Row:
    source = local_path(video["url"])
    if not source.is_file():
        raise Drop("not_found", "the file is no longer there")
    target = folder / f"{video['video_id']}{source.suffix.lower()}"
    link_or_copy(source, target)
    found = probe(target)
    check_licence(found.licence, settings)
    captions, language = own_captions(source, folder, video["video_id"], settings.caption_languages)
    return asdict(found) | {
        "path": target.name, "captions": captions, "caption_language": language, "sha256": hash_path(target),
        "captions_origin": "file" if captions else "", "detail": "the file can be played",
    }  # fmt: skip


def _remote(video: Row, folder: Path, settings: Download, network: Network) -> Row:
    video_id = video["video_id"]
    options = _options(folder, video_id, settings.max_height)
    with client(network, progress_hooks=[_progress(video_id)], **options) as ydl:
        page = patient(lambda: ydl.extract_info(video["url"], download=False), network)
        info = _first(page)
        told = readable(info.get("license") or "")
        if told:
            check_licence(told, settings)  # before it is fetched
        explained(lambda: ydl.process_ie_result(info, download=True))
        target = _media_file(folder, video_id)
        found = probe(target)
        licence = told or found.licence
        check_licence(licence, settings)
        captions, language = remote_captions(ydl, info, folder, video_id, settings.caption_languages, network)
    return asdict(found) | {
        "path": target.name, "captions": captions, "caption_language": language, "sha256": hash_path(target),
        "language": found.language or language_code(info.get("language") or ""),
        "licence": licence,
        "availability": info.get("availability") or "",
        "captions_origin": "uploader" if captions else "",
        "detail": "downloaded, and can be played",
    }  # fmt: skip


def check_licence(licence: str, settings: Download) -> None:
    """Whether a video of this licence ("": none is told) may be taken.

    Raises:
        Drop: it may not.
    """
    allowed = settings.licences
    if allowed is not None and licence.casefold() not in {one.casefold() for one in allowed}:
        raise Drop("licence", f"its licence, {licence!r}, is not allowed" if licence else "no licence is told")


def _first(page: Row) -> Row:
    """The video of a page, or the first of them."""
    while page.get("_type") == "playlist":
        entries = [entry for entry in page["entries"] if entry]
        if not entries:
            raise Drop("not_media", "the page shows no video")
        page = entries[0]
    return page


def _options(folder: Path, video_id: str, height: int) -> Row:
    import imageio_ffmpeg

    small = f"[height<=?{height}]"
    return {
        # The name holds nothing of the title; % would start a field.
        "outtmpl": {"default": f"{str(folder).replace('%', '%%')}/{video_id}.%(ext)s"},
        "format": f"bv*{small}[ext=mp4]+ba[ext=m4a]/bv*{small}+ba/b{small}/bv*+ba/b",
        "format_sort": [f"res:{height}"],
        "merge_output_format": "mp4",
        "postprocessors": [{"key": "FFmpegVideoRemuxer", "preferedformat": "mp4"}],
        "postprocessor_args": {"ffmpeg_i": closed_inputs()},  # what a server sent may be a playlist
        "ffmpeg_location": imageio_ffmpeg.get_ffmpeg_exe(),
        "noplaylist": True,
        "playlist_items": "1",
        "overwrites": True,
        "updatetime": False,
    }


def _media_file(folder: Path, video_id: str) -> Path:
    found = [file for file in sorted(folder.iterdir()) if file.stem == video_id and file.suffix in VIDEO_SUFFIXES]
    if not found:
        raise Drop("not_media", f"what the server sent is no video: {[file.suffix for file in folder.iterdir()]}")
    return found[0]


def _progress(video_id: str) -> Callable[[Row], None]:
    last = time.monotonic()

    def hook(state: Row) -> None:
        nonlocal last
        if time.monotonic() - last > LOG_EVERY_S:
            total = state.get("total_bytes") or state.get("total_bytes_estimate") or 0
            log.info("%s: %.0f of %.0f MB", video_id, state.get("downloaded_bytes", 0) / 1e6, total / 1e6)
            last = time.monotonic()

    return hook
