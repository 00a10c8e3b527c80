"""Tables of a small run, of which clips kept and dropped are known, and one clip's media."""

from pathlib import Path

import numpy as np

from nonverbal.collect.settings import Network
from nonverbal.judge.draw import draw
from nonverbal.judge.settings import Asked, Draw, Questions
from nonverbal.media import VideoWriter, write_audio
from nonverbal.schema import write_table
from nonverbal.speech.settings import KeepLanguage

THERE = ("a_000", "c_000", "d_000")
FRAMES, WIDTH, HEIGHT = 50, 160, 90
NAMES = ("people", "two_speakers", "language", "visible", "safe", "words", "speaker", "face")
SPOKEN = KeepLanguage(enabled=True, language="en", score=0.5)
HOSTILE = "<img src=x onerror=alert(1)> \u202eevil & \"so\" 'on'"
FOLDERS = {
    "clips": "collect/clips", "keep_people": "collect/keep_people", "keep_two_speakers": "speech/keep_two_speakers",
    "keep_language": "speech/keep_language", "keep_visible": "speakers/keep_visible",
    "keep_safe": "dataset/keep_safe", "utterances": "speech/utterances", "safety": "dataset/safety",
    "crops": "speakers/crops", "face": "cues/smooth",
}  # fmt: skip


def settings(kept: int = 3, dropped: int = 2, **changes: int) -> Draw:
    asked = {name: Asked(kept=kept, dropped=dropped) for name in NAMES}
    return Draw(questions=Questions(**asked), **{"parts": 2, "part_s": 1.0, **changes})


def decision(kept: bool, reason: str) -> dict:
    return {"kept": kept, "reason": "" if kept else reason, "detail": "why"}


def clip(clip_id: str, length_s: float = FRAMES / 25) -> dict:
    return {
        "clip_id": clip_id, "video_id": clip_id[:-4], "channel_id": "c", "segment_id": 0, "start_s": 0.0,
        "end_s": length_s, "frames": int(25 * length_s), "width": WIDTH, "height": HEIGHT, "video": f"{clip_id}.mp4",
        "audio": f"{clip_id}.wav", "loudness_dbfs": -9.0, **decision(True, ""),
    }  # fmt: skip


def write_shard(results: Path, shard: str, videos: list[str], dropped: set[str] = frozenset()) -> None:
    """A shard in which each video has a clip of two utterances; clips of `dropped` videos have one speaker."""
    clips = [f"{video}_000" for video in videos]
    kept = [clip_id for clip_id in clips if clip_id[:-4] not in dropped]
    box = dict(zip(("x0", "y0", "x1", "y1"), (40.0, 20.0, 80.0, 60.0), strict=True))
    sides = {f"{kind}_{name}": value for kind in ("face", "person") for name, value in box.items()}
    of_kept = [{"clip_id": clip_id, "utterance_id": i} for clip_id in kept for i in (0, 1)]
    frames = [row | {"speaker": 0, "frame": 25 * row["utterance_id"] + f} for row in of_kept for f in range(10)]
    listed = {"channel_id": "c", "title": HOSTILE, "uploaded": "", "duration_s": 2.0, "thumbnail_url": ""}
    where = results / "collect" / "clips" / shard / "media"
    tables = {
        "clips": [clip(clip_id) for clip_id in clips],
        "keep_people": [{"video_id": video, **decision(True, "")} for video in videos]
        + [{"video_id": f"{shard}nobody", **decision(False, "no_people")}]
        + [{"video_id": f"{shard}nothing", **decision(False, "no_thumbnail")}],
        "keep_two_speakers": [{"clip_id": id, **decision(id in kept, "one_speaker")} for id in clips],
        "keep_language": [{"clip_id": id, **decision(True, "")} for id in kept],
        "keep_visible": [{"clip_id": id, **decision(True, "")} for id in kept],
        "keep_safe": [{"clip_id": id, **decision(True, "")} for id in kept],
        "utterances": [
            row | {"speaker": 0, "text": HOSTILE, "start_s": float(row["utterance_id"]),
                   "end_s": row["utterance_id"] + 0.8, "words": 4} for row in of_kept
        ],
        "safety": [
            row | {"harmful": row["utterance_id"] == 1, "score": 0.5, "start_s": 0.0, "end_s": 1.0, "backend": "b"}
            for row in of_kept
        ],
        "crops": [row | {"track_id": 0, "score": 0.9} | sides for row in frames],
        "face": [
            row | {"valid": row["frame"] % 5 > 0, "reason": "" if row["frame"] % 5 else "unsure", "confidence": 0.5,
                   "features": [0.0] * 156} for row in frames
        ],
    }  # fmt: skip
    for name, rows in tables.items():
        write_table(results / FOLDERS[name] / shard / f"{name}.parquet", name, rows)
    addresses = [{"video_id": video, "url": (where / f"{video}_000.mp4").as_uri(), **listed, **decision(True, "")}
                 for video in [*videos, f"{shard}nobody"]]  # fmt: skip
    write_table(results / "collect" / "channels" / f"{shard}.parquet", "channels", addresses)
    where.mkdir(parents=True, exist_ok=True)


def write_media(results: Path, shard: str, clip_id: str) -> None:
    """A clip that grows lighter by 4 a frame."""
    media = results / "collect" / "clips" / shard / "media"
    with VideoWriter(media / f"{clip_id}.mp4", WIDTH, HEIGHT) as writer:
        for frame in range(FRAMES):
            writer.write(np.full((HEIGHT, WIDTH, 3), 4 * frame, dtype=np.uint8))
    write_audio(media / f"{clip_id}.wav", np.sin(np.arange(16000 * FRAMES // 25) / 8) / 2)


def drawn(results: Path, sizes: Draw, seed: int = 7) -> Path:
    """Draw from all shards of a run; the folder that is written."""
    shards = sorted(path.stem for path in (results / "collect" / "channels").glob("*.parquet"))
    tables = {name: [results / folder / s / f"{name}.parquet" for s in shards] for name, folder in FOLDERS.items()}
    channels = [results / "collect" / "channels" / f"{shard}.parquet" for shard in shards]
    out = results / "judge" / "draw"
    draw(
        channels=channels, **tables, units=out / "units.parquet", strata=out / "strata.parquet",
        pictures=out / "pictures", settings=sizes, network=Network(timeout_s=1, retries=0), people=1, spoken=SPOKEN,
        seed=seed,
    )  # fmt: skip
    return out
