"""The files of each recording in the layout of the published corpus: turns as video and sound, channels, JSON."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np

from nonverbal.collect.probe import moving_picture
from nonverbal.media import SAMPLE_RATE, MediaError, open_media, read_audio, run_ffmpeg, write_audio
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import read_rows
from nonverbal.shards import Rows, link_or_copy, map_units
from nonverbal.studio.names import SIDES
from nonverbal.studio.recordings import recordings
from nonverbal.studio.side_words import segments_of

Row = dict[str, Any]
LATE_FRAMES = 3  # that a copy may hold after its end: stored before frames shown earlier, they can't be parted
TOLERANCE_S = 0.002  # time stamps may be rounded to milliseconds


def published(
    sides: Path, sounds: Path, side_voices: Path, side_turns: Path, side_heard: Path, download: Path, downloaded: Path,
    published: Path, files: Path,
) -> None:  # fmt: skip
    """Write a folder <date>_<md5>_<side> a recording.

    Args:
        sides, side_voices, side_turns, side_heard, download: tables of those names.
        sounds: folder of the channels.
        downloaded: folder of the recordings.
        published: table to write, one row a segment: its files, and whether its picture is a copy.
        files: folder to write.
    """
    kept, turns = recordings(sides), read_rows(side_turns, "side_turns")
    voices, heard = read_rows(side_voices, "side_voices"), read_rows(side_heard, "side_heard")
    videos = {row["video_id"]: row for row in read_rows(download, "download")}

    def one(clip_id: str, folder: Path) -> dict[str, Rows]:
        row = kept[clip_id]
        target = folder / f"{row['dialogue_id']}_{row['side']}"
        target.mkdir()
        segments = segments_of(turns, clip_id)
        for side in SIDES:
            own = [_of(part, clip_id, side) for part in (voices, turns, heard)]
            _write_side(target, side, sounds / row[side], *own)
        source = downloaded / videos[row["video_id"]]["path"]
        made = cut_segments(source, segments, target / "video_segments")
        return {"published": [_row(target.name, one, *result) for one, result in zip(segments, made, strict=True)]}

    key = [kept, voices, turns, heard, hash_path(sounds)]
    map_units(kept, one, {"published": published}, key, "published", media=files)


def _of(rows: list[Row], clip_id: str, side: str) -> list[Row]:
    return [row for row in rows if row["clip_id"] == clip_id and row["side"] == side]


def _row(name: str, segment: Row, frames: int, copied: bool) -> Row:
    number, side = f"{segment['segment']:06d}", segment["side"]
    return {column: segment[column] for column in ("clip_id", "segment", "side", "start_s", "end_s")} | {
        "video": f"{name}/video_segments/{number}.mp4", "sound": f"{name}/wav_{side}_segments/{number}.wav",
        "frames": frames, "copied": copied,
    }  # fmt: skip


def _write_side(target: Path, side: str, sound: Path, voices: list[Row], turns: list[Row], heard: list[Row]) -> None:
    """One channel's files: the whole, the actor alone, every segment, who was heard when, and what was recognised."""
    stem = f"{target.name}_{side}"
    samples = read_audio(sound)
    link_or_copy(sound, target / f"{stem}.wav")
    write_audio(target / f"{stem}_mute.wav", muted(samples, turns))
    folder = target / f"wav_{side}_segments"
    folder.mkdir()
    for row in (row for row in turns if row["kept"]):
        write_audio(folder / f"{row['segment']:06d}.wav", samples[_span(row)])
    lines = diarization_lines(voices)
    (target / f"{stem}_speaker_diarization.log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    text = json.dumps(asr_entries(heard), ensure_ascii=False, indent=2) + "\n"
    (target / f"{stem}_speaker_diarization_asr.json").write_text(text, encoding="utf-8")


def muted(samples: np.ndarray, turns: list[Row]) -> np.ndarray:
    """The channel with all but its actor's speech silenced; turns that are too short to be segments stay.

    Args:
        samples: 16 kHz, [samples].
        turns: the channel's rows of table `side_turns`.
    """
    alone = np.zeros_like(samples)
    for row in (row for row in turns if row["reason"] != "cross_talk"):
        alone[_span(row)] = samples[_span(row)]
    return alone


def _span(row: Row) -> slice:
    return slice(round(row["start_s"] * SAMPLE_RATE), round(row["end_s"] * SAMPLE_RATE))


def diarization_lines(voices: list[Row]) -> list[str]:
    """A line a turn of every voice of a channel, as pyannote's own documentation prints it."""
    return [
        f"start={row['start_s']:.3f}s stop={row['end_s']:.3f}s speaker_SPEAKER_{row['voice']:02d}"
        for row in sorted(voices, key=lambda row: (row["start_s"], row["voice"]))
    ]


def asr_entries(heard: list[Row]) -> list[Row]:
    """The published JSON of a channel: idx is the number of the segment's files."""
    return [
        {
            "idx": row["segment"], "start": round(row["start_s"], 3), "end": round(row["end_s"], 3), "asr": row["asr"],
            "asr_flag": row["asr_flag"],
        }
        for row in sorted(heard, key=lambda row: row["segment"])
    ]  # fmt: skip


def cut_segments(source: Path, segments: list[Row], folder: Path) -> list[tuple[int, bool]]:
    """Cut each segment out of a recording, picture and both channels, as NNNNNN.mp4.

    Returns:
        For each segment the frames that are shown, 0 where none can be cut, and whether they are copies.
    """
    folder.mkdir()
    shown = frame_times(source)
    return [
        cut_segment(source, folder / f"{row['segment']:06d}.mp4", row["start_s"], row["end_s"], shown)
        for row in segments
    ]


def cut_segment(source: Path, target: Path, start_s: float, end_s: float, shown: np.ndarray) -> tuple[int, bool]:
    """Copy a span without encoding it again; where the copy does not show the right frames, encode it.

    A copy begins with the key frame before the span; an edit list tells players to begin at the span. It may show up
    to three frames more at its end.

    Args:
        source: the recording.
        target: MP4 to write.
        start_s, end_s: of the span.
        shown: when the recording's frames are shown, seconds [frames].
    """
    wanted = int(((shown >= start_s - TOLERANCE_S) & (shown < end_s - TOLERANCE_S)).sum())
    for copied, codecs in ((True, ["-c", "copy"]), (False, _ENCODE)):
        try:
            _cut(source, target, start_s, end_s, codecs)
        except MediaError:
            continue
        frames = len(frame_times(target, decode=True))
        if wanted <= frames <= wanted + (LATE_FRAMES if copied else 1) and frames:
            return frames, copied
    target.unlink(missing_ok=True)
    return 0, False


# One thread: the same bytes whatever the number of cores.
_ENCODE = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "20",
    "-pix_fmt",
    "yuv420p",
    "-threads",
    "1",
    "-c:a",
    "aac",
]


def _cut(source: Path, target: Path, start_s: float, end_s: float, codecs: list[str]) -> None:
    run_ffmpeg(
        "-threads", "1", "-ss", f"{start_s:.6f}", "-i", str(source), "-t", f"{end_s - start_s:.6f}",
        "-map", "0:V:0", "-map", "0:a:0", *codecs, "-map_metadata", "-1", "-map_chapters", "-1", str(target),
    )  # fmt: skip


def frame_times(path: Path, decode: bool = False) -> np.ndarray:
    """When each frame is shown, seconds from the file's start, in order; by packets, or by decoding what is shown."""
    try:
        with open_media(path) as container:
            stream = moving_picture(container)
            if stream is None:
                return np.zeros(0)
            start = (container.start_time or 0) / av.time_base
            parts = container.decode(stream) if decode else (one for one in container.demux(stream) if one.size)
            times = [float(one.pts * stream.time_base) for one in parts if one.pts is not None and stream.time_base]
    except av.error.FFmpegError:
        return np.zeros(0)
    return np.sort(np.array(times)) - start
