"""What is shown of a drawn unit, cut from the run's own clips when it is asked for; nothing is kept on the disk."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from nonverbal.layouts import FPS
from nonverbal.media import MediaError, run_ffmpeg

CLIPS, PICTURES = Path("collect/clips"), Path("judge/draw/pictures")
SMALLER = "scale='min(640,iw)':-2"  # pixels wide at most
MOVIE = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
KEPT = 8  # excerpts in memory: the parts of what is shown, and what Undo goes back to; one may be minutes long


def files(results: Path, unit: dict[str, Any]) -> list[Path]:
    """The files that a unit is shown from.

    Args:
        results: folder of the run.
        unit: row of table judge_units.

    Returns:
        The picture, or the clip's video and, where it has one, its sound; none for words to read.
    """
    if unit["unit"] == "video":
        return [_within(results / PICTURES, unit["picture"])]
    media = _within(results / CLIPS, unit["folder"]) / "media"
    return [_within(media, name) for name in (unit["video"], unit["audio"]) if name]


def _within(folder: Path, name: str) -> Path:
    """What a folder holds by its bare name: a table may not name what is elsewhere."""
    return folder / (name if name == Path(name).name and name != ".." else "no such file")


def there(results: Path, unit: dict[str, Any]) -> bool:
    """Whether a unit's files still are."""
    return all(path.is_file() for path in files(results, unit))


def excerpt(results: Path, unit: dict[str, Any], part: int) -> tuple[bytes, str]:
    """A unit's picture, or part of its clip as a movie with sound, and its media type.

    Raises:
        MediaError: its files are gone, or can't be decoded.
    """
    paths = files(results, unit)
    if not paths or not all(path.is_file() for path in paths):
        raise MediaError("the media of this unit are no longer here")
    if unit["unit"] == "video":
        return paths[0].read_bytes(), "image/jpeg"
    span = unit["spans"][part]
    still = unit["unit"] == "frame"
    return _cut(tuple(map(str, paths)), span["start_s"], span["end_s"], still), "image/jpeg" if still else "video/mp4"


@lru_cache(KEPT)
def _cut(paths: tuple[str, ...], start_s: float, end_s: float, still: bool) -> bytes:
    with tempfile.TemporaryDirectory(prefix="nonverbal-judge-") as folder:
        out = Path(folder) / ("out.jpg" if still else "out.mp4")
        if still:  # a quarter of a frame early: seeking takes the first frame that is not before
            seek = ("-ss", f"{max(start_s - 0.25 / FPS, 0):.4f}")
            run_ffmpeg(*seek, "-i", paths[0], "-frames:v", "1", "-q:v", "3", "-update", "1", str(out))
        else:
            place = ("-ss", f"{start_s:.3f}", "-t", f"{max(end_s - start_s, 1 / FPS):.3f}")
            inputs = [argument for path in paths for argument in (*place, "-i", path)]
            sound = ("-map", "1:a", "-c:a", "aac") if len(paths) > 1 else ()
            run_ffmpeg(*inputs, "-map", "0:v", *sound, "-vf", SMALLER, *MOVIE, "-threads", "1", str(out))
        if not out.is_file():
            raise MediaError("nothing can be decoded there")
        return out.read_bytes()
