"""Cutting a video into clips of exactly as many frames, 25 a second, and sound of exactly their length."""

import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from nonverbal.collect.probe import moving_picture
from nonverbal.layouts import FPS
from nonverbal.media import SAMPLE_RATE, Recording, open_media, run_ffmpeg

SAMPLES = SAMPLE_RATE // FPS  # of sound a frame
BLOCK = 60 * SAMPLE_RATE  # of sound in memory at a time
TOLERANCE_S = 0.002  # time stamps may be rounded to milliseconds


@dataclass(frozen=True)
class Plan:
    """Where to cut: the clips start at `skip_s` and have `frames` frames each."""

    skip_s: float
    frames: int
    clips: int


def plan(duration_s: float, skip_s: float, length_s: float) -> Plan:
    """As many full clips as the video holds; half a frame may be missing from the last."""
    frames = round(length_s * FPS)
    left = max((duration_s - skip_s) * FPS + 0.5, 0.0)
    return Plan(skip_s, frames, int(left // frames))


def cut(source: Path, folder: Path, names: list[str], wanted: Plan) -> None:
    """Write NAME.mp4 and NAME.wav for each clip, from one pass over the source.

    Args:
        source: video with sound.
        folder: where to write; need not be empty.
        names: one a clip; NAME = STEM_NNN, counted from 000.
        wanted: cut points.

    Raises:
        MediaError: the source can't be decoded.
    """
    if can_copy(source, wanted):
        _run(source, folder, names, wanted, ["-c:v", "copy"])
        if all(decoded_frames(folder / f"{name}.mp4") == wanted.frames for name in names):
            return
    _run(source, folder, names, wanted, _encoder(wanted))


def _encoder(wanted: Plan) -> list[str]:
    # Frames that are marked interlaced are made whole, others pass as they are.
    # One frame more than there is, so that rounding at the end never costs the last clip.
    filters = (
        f"bwdif=mode=send_frame:deint=interlaced,fps={FPS}:start_time=0,tpad=stop_mode=clone:stop=1,"
        "scale=trunc(iw*max(sar\\,1e-3)/2+0.5)*2:trunc(ih/2)*2,setsar=1,format=yuv420p"
    )
    # One thread: the same bytes whatever the number of cores; shards run beside each other.
    return [
        "-vf", filters, "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20",
        "-threads", "1", "-force_key_frames", f"expr:gte(n,n_forced*{wanted.frames})",
    ]  # fmt: skip


def _run(source: Path, folder: Path, names: list[str], wanted: Plan, video: list[str]) -> None:
    stem = names[0].rpartition("_")[0]
    sound = folder / f"{stem}.sound.wav"
    total = wanted.frames * wanted.clips
    ends = ",".join(str(wanted.frames * number) for number in range(1, wanted.clips + 1))
    pattern = f"{str(folder).replace('%', '%%')}/{stem}_%03d.mp4"
    run_ffmpeg(
        "-threads", "1", "-ss", f"{wanted.skip_s:.6f}", "-i", str(source),
        "-map", "0:V:0", *video, "-frames:v", str(total), "-map_metadata", "-1", "-map_chapters", "-1",
        "-f", "segment", "-segment_frames", ends, "-reset_timestamps", "1",
        "-avoid_negative_ts", "disabled", "-segment_format_options", "movflags=+faststart", pattern,
        # Sound that starts late or has holes is filled with silence, so that it stays with the picture.
        "-map", "0:a:0", "-af", f"aresample={SAMPLE_RATE}:async=1:first_pts=0", "-ac", "1", "-c:a", "pcm_s16le",
        "-t", f"{total / FPS:.6f}", "-map_metadata", "-1", "-map_chapters", "-1", "-f", "wav", str(sound),
    )  # fmt: skip
    _slice_sound(sound, [folder / f"{name}.wav" for name in names], wanted.frames * SAMPLES)
    sound.unlink()


def _slice_sound(sound: Path, targets: list[Path], samples: int) -> None:
    with wave.open(str(sound), "rb") as whole:
        for target in targets:
            with wave.open(str(target), "wb") as piece:
                piece.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
                for start in range(0, samples, BLOCK):
                    count = min(BLOCK, samples - start)
                    piece.writeframesraw(whole.readframes(count).ljust(2 * count, b"\0"))


def can_copy(source: Path, wanted: Plan) -> bool:
    """Whether the picture is upright, progressive H.264, 25 frames a second, with a key frame at every cut point."""
    try:
        return _can_copy(source, wanted)
    except av.error.FFmpegError:  # ffmpeg is more patient with what is broken
        return False


def _can_copy(source: Path, wanted: Plan) -> bool:
    with open_media(source) as container:
        stream = moving_picture(container)
        if stream is None or stream.codec_context.name != "h264" or stream.codec_context.pix_fmt != "yuv420p":
            return False
        if stream.sample_aspect_ratio not in (None, 0, 1) or abs(float(stream.average_rate or 0) - FPS) > 1e-6:
            return False
        start = (container.start_time or 0) / av.time_base
        times = [
            (float(packet.pts * packet.time_base) - start, packet.is_keyframe)
            for packet in container.demux(stream)  # packets are not kept: together they are the whole file
            if packet.size and packet.pts is not None
        ]
        container.seek(0)
        frame = next(container.decode(stream), None)
        progressive = frame is not None and not frame.interlaced_frame
        return frame is not None and progressive and frame.rotation == 0 and cuts_at_keys(times, wanted)


def cuts_at_keys(times: list[tuple[float, bool]], wanted: Plan) -> bool:
    """Whether packets (seconds, key frame?) in decoding order are 1/25 s apart from 0 and can be parted at each cut.

    A cut parts them where it is a key frame, nothing decoded before it is shown after it, and the other way round.
    """
    shown = sorted(time for time, _ in times)
    if not shown or abs(shown[0]) > TOLERANCE_S:
        return False
    if any(abs(later - earlier - 1 / FPS) > TOLERANCE_S for earlier, later in pairwise(shown)):
        return False
    cuts = [wanted.skip_s * FPS + wanted.frames * number for number in range(wanted.clips)]
    return all(abs(place - round(place)) < 1e-6 and _parted(times, round(place)) for place in cuts)


def _parted(times: list[tuple[float, bool]], frame: int) -> bool:
    if frame >= len(times):
        return False
    time, key = times[frame]
    before = max((other for other, _ in times[:frame]), default=-1.0)
    return key and abs(time - frame / FPS) <= TOLERANCE_S and before < time <= min(other for other, _ in times[frame:])


def decoded_frames(path: Path) -> int:
    """Frames that can be decoded, all of them intact; 0 where one is not."""
    try:
        with open_media(path) as container:
            container.streams.video[0].codec_context.options = {"err_detect": "explode"}
            return sum(1 for _ in container.decode(video=0))
    except (av.error.FFmpegError, FileNotFoundError):
        return 0


def packed_frames(path: Path) -> tuple[int, int, int]:
    """Frames, width and height of a clip, without decoding; zeros where it can't be read."""
    try:
        with open_media(path) as container:
            stream = container.streams.video[0]
            size = stream.codec_context.width, stream.codec_context.height
            return sum(1 for packet in container.demux(stream) if packet.size), *size
    except (av.error.FFmpegError, FileNotFoundError):
        return 0, 0, 0


def loudness_dbfs(path: Path) -> float:
    """Root mean square of a clip's sound in decibels of full scale; -120 for digital silence."""
    power = 0.0
    sound = Recording(path)
    for start in range(0, len(sound), BLOCK):
        power += float(np.sum(np.square(sound[start : start + BLOCK], dtype=np.float64)))
    return 10 * float(np.log10(max(power / max(len(sound), 1), 1e-12)))
