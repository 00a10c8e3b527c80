"""Drop every clip of a video with too much harmful speech (paper, section 3.1: more than 3 minutes)."""

from pathlib import Path

from nonverbal.dataset.settings import KeepSafe
from nonverbal.schema import kept_ids, read_table, write_table


def keep_safe(clips: Path, keep_visible: Path, safety: Path, keep_safe: Path, settings: KeepSafe) -> None:
    """Decide on each clip that is still kept, by the harmful time of its whole video.

    All clips of a video are in one shard, so that the shard's tables are enough.

    Args:
        clips: table of that name; says which video a clip is from.
        keep_visible: decisions of the filter before.
        safety: scored utterances.
        keep_safe: decisions to write.
        settings: the limit.
    """
    video_of = read_table(clips, "clips").set_index("clip_id")["video_id"]
    scored = read_table(safety, "safety")
    harmful = scored[scored["harmful"]]
    seconds = (harmful["end_s"] - harmful["start_s"]).groupby(harmful["clip_id"].map(video_of)).sum()
    judges = ", ".join(sorted(scored["backend"].unique())) or "nothing, as nobody speaks"
    rows = []
    for clip_id in kept_ids(keep_visible, "keep_visible"):
        total = float(seconds.get(video_of[clip_id], 0.0))
        kept = total <= settings.harmful_s
        detail = f"{total:.1f} s of harmful speech in the video, {settings.harmful_s:g} s allowed; judged by {judges}"
        rows.append({"clip_id": clip_id, "kept": kept, "reason": "" if kept else "harmful", "detail": detail})
    write_table(keep_safe, "keep_safe", rows)
