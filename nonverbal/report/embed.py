"""Pictures and videos as data addresses, small enough to lie in the page."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from PIL import Image

from nonverbal.media import run_ffmpeg, sample_frames

QUALITY = 90
PRINTED, SCREEN = 300, 96  # dots an inch of figures, pixels an inch of CSS
ENLARGED = 1.35
RATE = "450k"  # bits a second of a video's picture at most


@dataclass(frozen=True)
class Picture:
    """An embedded picture: its address and its size in pixels."""

    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Video:
    """A video with a picture to show before it plays; the address is empty where it was too large."""

    address: str
    poster: Picture
    size: int


def address(content: bytes, kind: str) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture(image: Image.Image, most_px: int, shown_px: int = 0) -> Picture:
    """A picture on white, as WebP.

    Args:
        image: of any mode.
        most_px: columns that are embedded at most.
        shown_px: columns that it takes on a screen; 0: as many as are embedded.
    """
    image = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(image, mask=image.getchannel("A"))
    if opaque.width > most_px:
        opaque = opaque.resize((most_px, round(opaque.height * most_px / opaque.width)), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    opaque.save(content, "WEBP", quality=QUALITY, method=4)
    width = shown_px or opaque.width
    return Picture(address(content.getvalue(), "image/webp"), width, round(opaque.height * width / opaque.width))


def read_picture(path: Path, most_px: int) -> Picture:
    """A picture of a file, its letters as large on a screen as on paper, times `ENLARGED`."""
    with Image.open(path) as image:
        dots = image.info.get("dpi", (PRINTED, PRINTED))[0]
        return picture(image, most_px, round(image.width / dots * SCREEN * ENLARGED))


def read_video(path: Path, most_px: int, most_s: float, most_bytes: int) -> Video:
    """The start of a video, with sound, and a picture from its middle.

    Args:
        path: of the video.
        most_px: its width at most.
        most_s: seconds of it.
        most_bytes: that it may take; a larger one is left out.
    """
    with TemporaryDirectory() as folder:
        small = Path(folder) / "small.mp4"
        run_ffmpeg(
            "-i", str(path), "-t", f"{most_s:g}", "-vf", f"scale='trunc(min({most_px},iw)/2)*2':-2",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "slow", "-crf", "28", "-threads", "1",
            "-maxrate", RATE, "-bufsize", RATE, "-c:a", "aac", "-b:a", "48k", "-ac", "1",
            "-movflags", "+faststart", "-map_metadata", "-1",
            "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", str(small),
        )  # fmt: skip
        content = small.read_bytes()
        middle = sample_frames(small, 3, 3)[1:2] or sample_frames(small, 1, 1)
    poster = picture(Image.fromarray(middle[0]), most_px)
    return Video(address(content, "video/mp4") if len(content) <= most_bytes else "", poster, len(content))


def subtitles(words: pd.DataFrame, start_s: float, end_s: float) -> str:
    """Words of a stretch of a clip as WebVTT, a line of up to seven, as an address.

    Args:
        words: columns word, start_s, end_s, in the clip.
        start_s, end_s: the stretch.
    """
    rows = words[(words["start_s"] < end_s) & (words["end_s"] > start_s)].to_dict("records")
    lines = [rows[place : place + 7] for place in range(0, len(rows), 7)]
    cues = [
        f"{_time(line[0]['start_s'] - start_s)} --> {_time(line[-1]['end_s'] - start_s)}\n{_plain(line)}\n"
        for line in lines
    ]
    return address("\n".join(["WEBVTT\n", *cues]).encode(), "text/vtt")


def _plain(line: list[dict]) -> str:
    text = " ".join(str(row["word"]) for row in line)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float) -> str:
    whole = max(0, round(seconds * 1000))
    return f"{whole // 3600000:02d}:{whole // 60000 % 60:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"
