"""Decoding and encoding of media, in one place: PyAV in this process, imageio-ffmpeg's binary outside it."""

import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nonverbal.layouts import FPS

if TYPE_CHECKING:
    from av.container import InputContainer

SAMPLE_RATE = 16_000
# Formats that hold their own data. Playlists and the like are none: they make ffmpeg open other files, or hosts.
FORMATS = "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,mxf,ogg,asf,wav,webvtt,srt,ass"
CLOSED = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


class MediaError(ValueError):
    """A file that cannot be decoded; the message says why."""


def ffmpeg() -> str:
    """Path of the ffmpeg binary that is installed with the Python packages."""
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


def run_ffmpeg(*arguments: str) -> None:
    """Run ffmpeg quietly, overwriting outputs; no input may name another file or host.

    Raises:
        MediaError: with ffmpeg's last line, when it fails.
    """
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    for place, argument in enumerate(arguments):
        guessed = argument == "-i" and arguments[max(place - 2, 0) : place] != ("-f", "lavfi")
        command += [*closed_inputs(), "-i"] if guessed else [argument]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise MediaError(f"ffmpeg: {lines[-1]}")


def closed_inputs() -> list[str]:
    """Arguments before an ffmpeg input that keep it to itself."""
    return [argument for name, value in CLOSED.items() for argument in (f"-{name}", value)]


def open_media(path: Path) -> "InputContainer":
    """A media file to read with PyAV; one that names other files or hosts is none.

    Raises:
        av.error.FFmpegError: it is no media file.
    """
    import av

    return av.open(str(path), metadata_errors="replace", options=CLOSED)


def decode_frames(path: Path) -> Iterator[np.ndarray]:
    """The frames of a video in order, uint8 RGB [height, width, 3].

    Raises:
        MediaError: the file has no picture that can be decoded.
    """
    import av

    try:
        with open_media(path) as container:
            if not container.streams.video:
                raise MediaError(f"{path.name} has no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                yield frame.to_ndarray(format="rgb24")
    except av.error.FFmpegError as error:
        raise MediaError(f"{path.name}: {error.strerror}") from error


def sample_frames(path: Path, most: int, least: int) -> list[np.ndarray]:
    """Pictures spread over a video, uint8 RGB [height, width, 3]; fewer where it has fewer frames.

    Only key frames are decoded where there are at least `least`, else all frames, of which `least` are taken.

    Args:
        path: of the video.
        most: pictures.
        least: pictures, at most `most`.

    Raises:
        MediaError: the file has no picture that can be decoded.
    """
    import av

    try:
        with open_media(path) as container:
            if not container.streams.video:
                raise MediaError(f"{path.name} has no video stream")
            packets = container.demux(container.streams.video[0])
            keys = [packet.is_keyframe for packet in packets if packet.size]
        sparse = sum(keys) >= least
        count, wanted = (sum(keys), most) if sparse else (len(keys), least)
        chosen = set(np.linspace(0, count - 1, min(wanted, count)).round().astype(int).tolist())
        with open_media(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY" if sparse else "DEFAULT"
            frames = enumerate(container.decode(stream))
            return [frame.to_ndarray(format="rgb24") for number, frame in frames if number in chosen]
    except av.error.FFmpegError as error:
        raise MediaError(f"{path.name}: {error.strerror}") from error


def read_audio(path: Path) -> np.ndarray:
    """A 16 kHz mono 16-bit WAV as float32 in -1..1, [samples].

    Raises:
        MediaError: the file is something else.
    """
    return Recording(path)[:]


class Recording:
    """A 16 kHz mono 16-bit WAV, sliced like an array of its samples; only the slice asked for is read.

    Raises:
        MediaError: the file is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as handle:
            self.length = handle.getnframes()

    def __len__(self) -> int:
        """Samples."""
        return self.length

    def __getitem__(self, span: slice) -> np.ndarray:
        """The samples of a slice without a step, float32 in -1..1."""
        start, stop, _ = span.indices(self.length)
        with _opened(self.path) as handle:
            handle.setpos(start)
            samples = np.frombuffer(handle.readframes(max(stop - start, 0)), dtype="<i2")
        return samples.astype(np.float32) / 32768


@contextmanager
def _opened(path: Path) -> Iterator[wave.Wave_read]:
    try:
        with wave.open(str(path), "rb") as handle:
            shape = (handle.getnchannels(), handle.getsampwidth(), handle.getframerate())
            if shape != (1, 2, SAMPLE_RATE):
                raise MediaError(f"{path.name}: expected 16 kHz mono 16-bit, found {shape}")
            yield handle
    except (wave.Error, EOFError) as error:
        raise MediaError(f"{path.name}: {error}") from error


def write_audio(path: Path, samples: np.ndarray) -> None:
    """Write float samples in -1..1, [samples] or [samples, channels], as 16 kHz 16-bit WAV."""
    with wave.open(str(path), "wb") as handle:
        handle.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        handle.setsampwidth(2)
        handle.setframerate(SAMPLE_RATE)
        handle.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


class VideoWriter:
    """Write RGB frames as H.264 at 25 frames a second; a context manager.

    Args:
        path: file to write (.mp4).
        width, height: even numbers of pixels.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        import av

        self.container = av.open(str(path), "w")
        self.stream = self.container.add_stream("libx264", rate=FPS)
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, "yuv420p"
        self.stream.options = {"preset": "veryfast", "crf": "20", "threads": "1"}

    def write(self, frame: np.ndarray) -> None:
        """Add one uint8 RGB frame [height, width, 3]."""
        import av

        for packet in self.stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")):
            self.container.mux(packet)

    def __enter__(self) -> "VideoWriter":
        """The file is open already."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Flush the encoder and close the file."""
        for packet in self.stream.encode():
            self.container.mux(packet)
        self.container.close()
