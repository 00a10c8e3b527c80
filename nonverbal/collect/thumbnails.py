"""F1 measure: the people in a video's thumbnail (paper: YOLO person; here: faces, full-range detector)."""

import logging
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from yt_dlp.networking import Request

from nonverbal.collect.probe import moving_picture
from nonverbal.collect.remote import client, patient
from nonverbal.collect.settings import Network, Thumbnails
from nonverbal.collect.sources import local_path
from nonverbal.errors import Drop, NotNow
from nonverbal.media import open_media
from nonverbal.models import model_path
from nonverbal.schema import read_rows
from nonverbal.shards import map_units

log = logging.getLogger("nonverbal")
# An own file has no thumbnail: these frames stand in for it, the one with the most people counts.
PLACES = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
LARGEST = 32 * 2**20  # bytes of a picture
Detect = Callable[[np.ndarray], list[float]]


class NoPicture(ValueError):
    """There is no thumbnail to look at; the message says why."""


def thumbnails(videos: Path, thumbnails: Path, settings: Thumbnails, network: Network, shard: str = "") -> None:
    """Count the people in each video's thumbnail; a missing or broken picture is a row that says so.

    Args:
        videos: table `channels` of the shard.
        thumbnails: table to write.
        settings: detector and its lowest score.
        network: time-out and retries.
        shard: its number, for the log.
    """
    rows = read_rows(videos, "channels")
    addresses = {row["video_id"]: (row["url"], row["thumbnail_url"]) for row in rows}
    with FaceDetector(settings.lowest_score) as detect:
        map_units(
            list(addresses),
            lambda video_id: {"thumbnails": [measure(video_id, *addresses[video_id], detect, network)]},
            {"thumbnails": thumbnails},
            [settings.model_dump(), addresses],
            f"thumbnails {shard}",
        )


class FaceDetector:
    """mediapipe's full-range face detector, a context manager; called with a picture it gives the faces' scores."""

    def __init__(self, lowest_score: float) -> None:
        from mediapipe.python.solutions.face_detection import FaceDetection

        model_path("mediapipe_face_detection")
        self.detector = FaceDetection(model_selection=1, min_detection_confidence=lowest_score)

    def __call__(self, picture: np.ndarray) -> list[float]:
        """Scores of the faces in uint8 RGB [height, width, 3], best first."""
        found = self.detector.process(np.ascontiguousarray(picture)).detections or []
        return sorted((detection.score[0] for detection in found), reverse=True)

    def __enter__(self) -> "FaceDetector":
        """Ready to be called."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Free the model."""
        self.detector.close()


def measure(video_id: str, url: str, thumbnail_url: str, detect: Detect, network: Network) -> dict[str, Any]:
    """The `thumbnails` row of one video."""
    try:
        if url.startswith("file:"):
            pictures = frames_at(local_path(url), PLACES)
        else:
            pictures = [decode_picture(fetch_picture(url, thumbnail_url, network))]
    except NoPicture as error:
        log.warning("%s: no thumbnail: %s", video_id, error)
        return {"video_id": video_id, "people": 0, "best_score": 0.0, "error": str(error)}
    scores = max((detect(picture) for picture in pictures), key=lambda found: (len(found), sum(found)))
    return {"video_id": video_id, "people": len(scores), "best_score": max(scores, default=0.0), "error": ""}


def fetch_picture(url: str, thumbnail_url: str, network: Network) -> bytes:
    """The picture's bytes; where the listing named none, the video's own page is asked.

    Raises:
        NoPicture: there is none, or it can't be had.
    """
    with client(network) as ydl:
        try:
            if not thumbnail_url:
                page = patient(lambda: ydl.extract_info(url, download=False, process=False), network)
                thumbnail_url = _named_picture(page)
            request = Request(thumbnail_url)
            return patient(lambda: ydl.urlopen(request).read(LARGEST), network)
        except (Drop, NotNow) as error:
            raise NoPicture(str(error)) from error


def _named_picture(page: dict[str, Any]) -> str:
    while page.get("_type") == "playlist":
        page = next((entry for entry in page["entries"] if entry), {})
    pictures = page.get("thumbnails") or [{}]
    address = page.get("thumbnail") or pictures[-1].get("url")
    if not address:
        raise NoPicture("neither the listing nor the video's page names a picture")
    return str(address)


def decode_picture(data: bytes) -> np.ndarray:
    """Bytes of a picture file as uint8 RGB [height, width, 3].

    Raises:
        NoPicture: it is no picture.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise NoPicture(f"the {len(data)} bytes that the server sent are no picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def frames_at(path: Path, places: tuple[Fraction, ...]) -> list[np.ndarray]:
    """Upright frames of a video at parts of its duration, uint8 RGB [height, width, 3].

    Raises:
        NoPicture: nothing can be decoded.
    """
    try:
        with open_media(path) as container:
            stream = moving_picture(container)
            if stream is None:
                raise NoPicture("the file has no moving picture")
            frames = [_frame_at(container, stream, int((container.duration or 0) * place)) for place in places]
    except (av.error.FFmpegError, FileNotFoundError) as error:
        raise NoPicture(f"no picture can be decoded from the file ({error.strerror})") from error
    pictures = [np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90) for frame in frames if frame]
    if not pictures:
        raise NoPicture("no picture can be decoded from the file")
    return pictures


def _frame_at(container: Any, stream: Any, microseconds: int) -> av.VideoFrame | None:  # noqa: ANN401 - av's types
    container.seek((container.start_time or 0) + microseconds)
    return next(container.decode(stream), None)
