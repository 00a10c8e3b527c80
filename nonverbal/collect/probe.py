"""What a media file holds, read from its packets without decoding."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.stream import Disposition

from nonverbal.collect.sources import readable
from nonverbal.errors import Drop
from nonverbal.media import open_media

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MISSING_S = 1.0  # data that end this much before the declared end are a truncated file


@dataclass(frozen=True)
class Probe:
    """A playable file: seconds of picture, pixels, frames a second, language (ISO 639-1) and licence ("": untold)."""

    duration_s: float
    width: int
    height: int
    fps: float
    language: str
    licence: str


def probe(path: Path) -> Probe:
    """Read all packets of a file.

    Raises:
        Drop: not_media, truncated, no_video_stream or no_audio_stream.
    """
    try:
        with open_media(path) as container:
            return _probe(container)
    except av.error.FFmpegError as error:
        if _starts_as_mp4(path):
            raise Drop("truncated", "the file starts as MP4 but its index is missing") from error
        raise Drop("not_media", f"no media format is recognised ({error.strerror})") from error


def _probe(container: "InputContainer") -> Probe:
    video = moving_picture(container)
    if video is None:
        raise Drop("no_video_stream", "the file has no moving picture")
    if not container.streams.audio:
        raise Drop("no_audio_stream", "the file has no sound")
    start = (container.start_time or 0) / av.time_base
    declared = (container.duration or 0) / av.time_base
    ends = _ends(container)
    end = max(ends.values(), default=start)
    found = max(end, end - start)  # Matroska counts its duration from 0, MP4 from where the data start
    if found < declared - MISSING_S:
        raise Drop("truncated", f"the file declares {declared:.1f} s, its data end at {found:.1f} s")
    metadata = {key.lower(): value for key, value in container.metadata.items()}
    return Probe(
        duration_s=max(ends.get(video.index, start) - start, 0.0),
        width=video.codec_context.width,
        height=video.codec_context.height,
        fps=float(video.average_rate or 0),
        language=language_code(container.streams.audio[0].language or ""),
        licence=readable(metadata.get("license") or metadata.get("copyright") or ""),
    )


def moving_picture(container: "InputContainer") -> "VideoStream | None":
    """The first video stream that is not a cover picture."""
    streams = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next(streams, None)


def _ends(container: "InputContainer") -> dict[int, float]:
    """Where the data of each stream end, seconds on the container's clock; a read error is an end."""
    ends: dict[int, float] = {}
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.size:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                ends[packet.stream.index] = max(end, ends.get(packet.stream.index, end))
    except av.error.FFmpegError:
        return ends
    return ends


def _starts_as_mp4(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(8)[4:] == b"ftyp"


def language_code(tag: str) -> str:
    """ISO 639-1 code of a language tag such as en-US, eng or zh-Hans; "" where there is none."""
    from yt_dlp.utils import ISO639Utils

    primary = tag.replace("_", "-").split("-")[0].strip().lower()
    if len(primary) == 2 and primary.isalpha():
        return primary
    return ISO639Utils.long2short(primary) or ""
