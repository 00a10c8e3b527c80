"""P1 and F2: drop the start of each video, cut clips of one length, drop the shorter rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nonverbal.collect.cut import Plan, cut, loudness_dbfs, packed_frames, plan
from nonverbal.collect.settings import Clips
from nonverbal.layouts import FPS
from nonverbal.media import MediaError
from nonverbal.schema import read_rows
from nonverbal.shards import map_units

Row = dict[str, Any]
LEFT_S = 1 / FPS  # a rest of less than a frame is none
ABSENT: Row = {"frames": 0, "width": 0, "height": 0, "video": "", "audio": "", "loudness_dbfs": 0.0}


def clips(
    download: Path, downloaded: Path, clips: Path, media: Path, settings: Clips, shard: str = "",
    sides: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Cut each downloaded video into clips, {clip_id}.mp4 (25 fps) and {clip_id}.wav (16 kHz mono).

    Args:
        download: table `download` of the shard.
        downloaded: folder of its files.
        clips: table to write, one row a clip; every video has at least one.
        media: folder to write the files to.
        settings: seconds dropped at the start, seconds a clip.
        shard: its number, for the log.
        sides: table of that name, or nothing: a studio recording is one clip, and is kept if its channels are.
    """
    rows = {row["video_id"]: row for row in read_rows(download, "download") if row["kept"]}
    recordings = {row["video_id"]: row for path in sides for row in read_rows(path, "sides")}

    def one(video_id: str, folder: Path) -> dict[str, list[Row]]:
        video, recorded = rows[video_id], recordings.get(video_id)
        if recorded is None:
            return {"clips": cut_video(video, downloaded, folder, settings)}
        return {"clips": [whole(video, recorded, downloaded, folder)]}

    map_units(
        list(rows),
        one,
        {"clips": clips},
        [settings.model_dump(), {video_id: row["sha256"] for video_id, row in rows.items()}, recordings],
        f"clips {shard}",
        media=media,
    )


def cut_video(video: Row, downloaded: Path, folder: Path, settings: Clips) -> list[Row]:
    """The `clips` rows of one video, whose files are then in the folder."""
    wanted = plan(video["duration_s"], settings.skip_s, settings.length_s)
    rows = [_row(video, number, wanted) for number in range(wanted.clips)]
    if rows:
        _cut(downloaded / video["path"], folder, rows, wanted)
    start = settings.skip_s + wanted.clips * wanted.frames / FPS
    if not rows or video["duration_s"] - start >= LEFT_S:
        rows.append(_rest(video, len(rows), min(start, video["duration_s"]), settings))
    return rows


def whole(video: Row, recorded: Row, downloaded: Path, folder: Path) -> Row:
    """The `clips` row of a studio recording, all of which is one clip; its row of table `sides` decides first."""
    wanted = Plan(0.0, round(video["duration_s"] * FPS), 1)
    row = _row(video, 0, wanted)
    if not recorded["kept"]:
        return row | ABSENT | {name: recorded[name] for name in ("kept", "reason", "detail")}
    if not wanted.frames:
        return row | ABSENT | {"kept": False, "reason": "too_short", "detail": "it lasts less than a frame"}
    _cut(downloaded / video["path"], folder, [row], wanted)
    return row


def _cut(source: Path, folder: Path, rows: list[Row], wanted: Plan) -> None:
    """Cut, and complete the rows with what was made."""
    try:
        cut(source, folder, [row["clip_id"] for row in rows], wanted)
        failed = ""
    except MediaError as error:
        failed = f"the video can't be decoded: {error}"
    for row in rows:
        row |= _made(folder, row["clip_id"], wanted, failed)


def _made(folder: Path, clip_id: str, wanted: Plan, failed: str) -> Row:
    video, audio = folder / f"{clip_id}.mp4", folder / f"{clip_id}.wav"
    frames, width, height = (0, 0, 0) if failed else packed_frames(video)
    if frames != wanted.frames or not audio.exists():
        video.unlink(missing_ok=True)
        audio.unlink(missing_ok=True)
        detail = failed or f"{frames} of {wanted.frames} frames can be decoded"
        return ABSENT | {"kept": False, "reason": "undecodable", "detail": detail}
    return {
        "frames": frames, "width": width, "height": height, "video": video.name, "audio": audio.name,
        "loudness_dbfs": loudness_dbfs(audio), "kept": True, "reason": "", "detail": f"{frames} frames",
    }  # fmt: skip


def _row(video: Row, number: int, wanted: Plan) -> Row:
    start = wanted.skip_s + number * wanted.frames / FPS
    names = {"clip_id": f"{video['video_id']}_{number:03d}", "segment_id": number}
    return names | _of(video) | {"start_s": start, "end_s": start + wanted.frames / FPS}


def _rest(video: Row, number: int, start: float, settings: Clips) -> Row:
    left = video["duration_s"] - start
    detail = f"{left:.2f} s are left after {start:.2f} s; a clip has {settings.length_s:g} s"
    times = {"start_s": start, "end_s": video["duration_s"]}
    names = {"clip_id": f"{video['video_id']}_{number:03d}", "segment_id": number}
    return names | _of(video) | times | ABSENT | {"kept": False, "reason": "too_short", "detail": detail}


def _of(video: Row) -> Row:
    return {"video_id": video["video_id"], "channel_id": video["channel_id"]}
