"""The two channels of each recording as sounds of their own, and whether they can tell who speaks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np

from nonverbal.collect.cut import SAMPLES, loudness_dbfs
from nonverbal.collect.sources import local_path
from nonverbal.errors import Drop
from nonverbal.layouts import FPS
from nonverbal.media import SAMPLE_RATE, MediaError, open_media, read_audio, run_ffmpeg, write_audio
from nonverbal.schema import read_rows
from nonverbal.shards import map_units
from nonverbal.studio.names import SIDES, recording, whole_clip
from nonverbal.studio.settings import Sides

Row = dict[str, Any]
ABSENT: Row = {"left": "", "right": "", "left_dbfs": -120.0, "right_dbfs": -120.0, "likeness": 0.0}


def sides(
    videos: Path, download: Path, downloaded: Path, sides: Path, media: Path, folders: list[str], settings: Sides
) -> None:
    """Split each recording's sound into {video_id}_left.wav and {video_id}_right.wav, 16 kHz mono, as long as its clip.

    Args:
        videos: table `channels` of the shard; says where a video is from.
        download: table `download` of the shard.
        downloaded: folder of its files.
        sides: table to write, one row a recording; other videos have none.
        media: folder to write the sounds to.
        folders: those of the sources of kind studio.
        settings: when a channel is silent, and when both are the same.
    """
    local = {row["video_id"] for row in read_rows(videos, "channels") if within(row["url"], folders)}
    rows = {row["video_id"]: row for row in read_rows(download, "download") if row["kept"] and row["video_id"] in local}
    map_units(
        list(rows),
        lambda video_id, folder: {"sides": [split_sides(rows[video_id], downloaded, folder, settings)]},
        {"sides": sides},
        [settings.model_dump(), {video_id: row["sha256"] for video_id, row in rows.items()}],
        "sides",
        media=media,
    )


def within(url: str, folders: list[str]) -> bool:
    """Whether a file: URL names a file below one of the folders."""
    if not url.startswith("file:"):
        return False
    path = local_path(url)
    return any(path.is_relative_to(Path(folder).absolute()) for folder in folders)


def split_sides(video: Mapping[str, Any], downloaded: Path, folder: Path, settings: Sides) -> Row:
    """The `sides` row of one recording, whose sounds are then in the folder; `title` is its file's name."""
    video_id, named = video["video_id"], recording(video["title"])
    assert named is not None, f"{video['title']} was to be dropped by its name"
    row: Row = {"video_id": video_id, "clip_id": whole_clip(video_id), **named._asdict(), **ABSENT}
    targets = [folder / f"{video_id}_{side}.wav" for side in SIDES]
    try:
        split_channels(downloaded / video["path"], targets, round(video["duration_s"] * FPS) * SAMPLES)
    except (Drop, MediaError) as error:
        for target in targets:
            target.unlink(missing_ok=True)
        reason, detail = (error.reason, error.detail) if isinstance(error, Drop) else ("undecodable", str(error))
        return row | {"kept": False, "reason": reason, "detail": detail}
    row |= {side: target.name for side, target in zip(SIDES, targets, strict=True)}
    row |= {f"{side}_dbfs": loudness_dbfs(target) for side, target in zip(SIDES, targets, strict=True)}
    row["likeness"] = likeness(*(read_audio(target) for target in targets))
    return row | decide(row, settings)


def split_channels(source: Path, targets: list[Path], samples: int) -> None:
    """Write each of the two channels of a file's first sound track as 16 kHz mono, so many samples.

    Raises:
        Drop: not_stereo.
        MediaError: the sound can't be decoded.
    """
    try:
        with open_media(source) as container:
            channels = container.streams.audio[0].codec_context.channels
    except (av.error.FFmpegError, IndexError) as error:
        raise MediaError(f"{source.name}: {error}") from error
    if channels != len(targets):
        raise Drop("not_stereo", f"the sound has {channels} channel{'s' * (channels != 1)}; one an actor makes 2")
    # As for clips: sound that starts late or has holes is filled with silence, so that it stays with the picture.
    steady = f"aresample={SAMPLE_RATE}:async=1:first_pts=0"
    split = ";".join(f"[{side}]pan=mono|c0=c{i}[{side}1]" for i, side in enumerate(SIDES))
    outputs = [
        argument
        for side, target in zip(SIDES, targets, strict=True)
        for argument in ("-map", f"[{side}1]", "-c:a", "pcm_s16le", "-map_metadata", "-1", "-f", "wav", str(target))
    ]
    graph = f"[0:a:0]{steady},asplit[left][right];{split}"
    run_ffmpeg("-threads", "1", "-i", str(source), "-filter_complex", graph, *outputs)
    for target in targets:
        found = read_audio(target)[:samples]
        write_audio(target, np.pad(found, (0, samples - len(found))))


def likeness(left: np.ndarray, right: np.ndarray) -> float:
    """Correlation of two sounds, -1..1; 0 where one is silent."""
    power = float(np.linalg.norm(left)) * float(np.linalg.norm(right))
    return float(left @ right) / power if power else 0.0


def decide(row: Mapping[str, Any], settings: Sides) -> Row:
    """Whether a recording's channels can tell who speaks."""
    heard = ", ".join(f"{side} {row[f'{side}_dbfs']:.1f} dBFS" for side in SIDES)
    detail = f"{heard}, correlation {row['likeness']:.2f}"
    silent = [side for side in SIDES if row[f"{side}_dbfs"] < settings.silence_dbfs]
    if silent:
        return {"kept": False, "reason": "silent_channel", "detail": f"{detail}: {' and '.join(silent)} silent"}
    if row["likeness"] >= settings.likeness:
        return {"kept": False, "reason": "same_channels", "detail": f"{detail}: both hold the same sound"}
    return {"kept": True, "reason": "", "detail": detail}
