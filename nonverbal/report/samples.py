"""The utterances that the page shows, with their words, small videos and files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nonverbal.report.embed import Video, read_video, subtitles
from nonverbal.report.settings import Report
from nonverbal.schema import read_arrow

VIDEOS = (("Overlay", ".overlay.mp4"), ("Avatar", ".mp4"))
FILES = (("Contact sheet", ".png"), ("BVH", ".bvh"), ("GLB", ".glb"))
MB = 1e6
Matching = Callable[[str], list[Path]]


@dataclass(frozen=True)
class Sample:
    """An utterance that is shown.

    Attributes:
        clip_id, utterance_id: of it.
        title, licence: of its video.
        text: what is said.
        length_s, shown_s: of it, and of what is embedded.
        videos: what each is, its file in the folder of samples, and the video.
        words: address of captions.
        files: other files by kind.
    """

    clip_id: str
    utterance_id: int
    title: str
    licence: str
    text: str
    length_s: float
    shown_s: float
    videos: list[tuple[str, str, Video]]
    words: str
    files: list[tuple[str, str]]


def read_samples(folder: Path, matching: Matching, settings: Report) -> Iterator[Sample]:
    """The utterances of a folder that rule `samples` wrote, in the order of their names.

    Args:
        folder: the folder.
        matching: the run's tables by pattern; where they lack, so do words and titles.
        settings: how much may be embedded.
    """
    left = settings.videos_mb * MB
    for sheet in sorted(folder.glob("*.png")):
        clip_id, utterance_id = sheet.stem.rsplit("_", 1)
        utterance = _utterance(matching, clip_id, int(utterance_id))
        start_s = utterance.get("start_s", 0.0)
        length_s = utterance.get("end_s", start_s + settings.video_s) - start_s
        shown_s = min(length_s, settings.video_s)
        videos: list[tuple[str, str, Video]] = []
        for kind, ending in VIDEOS:
            if (path := sheet.with_name(sheet.stem + ending)).is_file():
                video = read_video(path, settings.video_px, settings.video_s, int(left))
                left -= video.size if video.address else 0
                videos.append((kind, path.name, video))
        source = _source(matching, clip_id.rsplit("_", 1)[0])
        files = [(kind, sheet.stem + ending) for kind, ending in FILES if sheet.with_suffix(ending).is_file()]
        yield Sample(
            clip_id, int(utterance_id), source.get("title", ""), source.get("licence", ""), utterance.get("text", ""),
            length_s, shown_s, videos, subtitles(_words(matching, clip_id), start_s, start_s + shown_s), files,
        )  # fmt: skip


def _utterance(matching: Matching, clip_id: str, utterance_id: int) -> dict[str, Any]:
    paths = matching("speech/utterances/*/utterances.parquet")
    rows = (row for path in paths for row in read_arrow(path, "utterances", clip_id=clip_id).to_pylist())
    return next((row for row in rows if row["utterance_id"] == utterance_id), {})


def _words(matching: Matching, clip_id: str) -> pd.DataFrame:
    columns = ["word", "start_s", "end_s"]
    paths = matching("speech/utterances/*/words.parquet")
    rows = [row for path in paths for row in read_arrow(path, "words", columns, clip_id).to_pylist()]
    return pd.DataFrame(rows, columns=columns)


def _source(matching: Matching, video_id: str) -> dict[str, str]:
    paths = matching("collect/download/*/download.parquet")
    rows = (row for p in paths for row in read_arrow(p, "download", ["video_id", "title", "licence"]).to_pylist())
    return next((row for row in rows if row["video_id"] == video_id), {})
