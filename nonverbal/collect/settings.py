"""Settings of the collect stage."""

from datetime import date
from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings


class Network(Settings):
    """How patient every connection of this stage is."""

    timeout_s: float = Field(gt=0)
    """A connection that is silent for this long is given up."""
    retries: int = Field(ge=0)
    """Times a failed request is tried again, after 1, 2, 4 ... 60 seconds."""


class Channels(Settings):
    """Which videos are listed (paper: names with "Podcast", 2015-2023, at most 300 a channel)."""

    first_date: date | None
    """Videos uploaded before this day are dropped; null keeps all."""
    last_date: date | None
    """Videos uploaded after this day are dropped; null keeps all."""
    videos_per_channel: int = Field(gt=0)
    """At most this many videos a channel, newest first."""


class Thumbnails(Settings):
    """F1 measure: people in the thumbnail."""

    backend: Literal["mediapipe"]
    """mediapipe: faces, full-range detector."""
    lowest_score: float = Field(ge=0, le=1)
    """Detections below this score are not counted."""


class KeepPeople(Settings):
    """F1 decide."""

    people: int = Field(ge=0)
    """Keep a video whose thumbnail shows at least this many people; 0 turns the filter off."""
    score: float = Field(ge=0, le=1)
    """The best detection must reach this score."""


class Download(Settings):
    """Media and captions through yt-dlp, or by link or copy from a folder."""

    max_height: int = Field(gt=0)
    """Largest picture height asked for, pixels."""
    caption_languages: tuple[str, ...]
    """Caption track taken, first choice first; without any of them, the first track there is."""
    licences: tuple[str, ...] | None
    """Licences that a video may have, as sites or files word them, case aside; "" allows one that is told nowhere.
    Others are dropped, before they are fetched where the site tells. null allows all."""
    drop_unreachable: bool
    """What a server that does not answer now costs: true drops the video as unavailable; false does the other videos,
    then fails the job, so that the next run tries again."""


class Clips(Settings):
    """P1 and F2: drop the start, cut segments, drop what is shorter."""

    skip_s: float = Field(ge=0)
    """Seconds dropped at the start of each video (paper: 60)."""
    length_s: float = Field(gt=0)
    """Seconds a clip (paper: 600)."""


class Collect(Settings):
    """Channels -> videos -> thumbnails -> media -> clips."""

    network: Network
    channels: Channels
    thumbnails: Thumbnails
    keep_people: KeepPeople
    download: Download
    clips: Clips
