"""What is known of each clip of the demonstration: its video's truth, in the clip's own frames."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from nonverbal.demo.truth_files import SpokenTurn, read_frames, read_truth
from nonverbal.layouts import FPS
from nonverbal.schema import read_table

BOX = ["face_x0", "face_y0", "face_x1", "face_y1"]


@dataclass(frozen=True)
class Clip:
    """A clip: its video's key, its times in the video, its number of frames, and whether the clips rule kept it."""

    video: str
    start_s: float
    end_s: float
    frames: int
    kept: bool


class Known:
    """The truth of the videos, found by the ids that the workflow gives them.

    Args:
        truth: the videos' truth folders.
        channels: the table of all listed entries.
        clips: the shards' clips tables.

    Attributes:
        truths: by the video's key.
        video_of: video_id -> the video's key.
        clips: by clip_id.
        good: those kept clips whose videos must be kept.
    """

    def __init__(self, truth: list[Path], channels: Path, clips: list[Path]) -> None:
        self.folders = {folder.name: folder for folder in sorted(truth)}
        self.truths = {key: read_truth(folder) for key, folder in self.folders.items()}
        listed = read_table(channels, "channels")
        # A video's page bears its key; its id is the listing's affair.
        self.video_of = {
            video: PurePosixPath(urlsplit(url).path).stem
            for video, url in zip(listed["video_id"], listed["url"].astype(str), strict=True)
        }
        self.clips: dict[str, Clip] = {}
        for row in read_table(clips, "clips").to_dict("records"):
            values = (row[key] for key in ("start_s", "end_s", "frames", "kept"))
            self.clips[row["clip_id"]] = Clip(self.video_of[row["video_id"]], *values)
        self.good = {key: clip for key, clip in self.clips.items() if clip.kept and self.truths[clip.video].kept}

    def turns(self, clip: Clip) -> list[SpokenTurn]:
        """The turns that sound in a clip, in the video's time."""
        turns = self.truths[clip.video].turns
        return [turn for turn in turns if turn.end_s > clip.start_s and turn.start_s < clip.end_s]

    @cached_property
    def frames(self) -> pd.DataFrame:
        """A row a frame and person of the good clips: clip_id and `read_frames`' columns; frame counts in the clip."""
        tables = {video: read_frames(self.folders[video]) for video in {clip.video for clip in self.good.values()}}
        parts = []
        for clip_id, clip in self.good.items():
            table, first = tables[clip.video], round(clip.start_s * FPS)
            inside = table[table["frame"].between(first, first + clip.frames - 1)]
            parts.append(inside.assign(clip_id=clip_id, frame=inside["frame"] - first))
        return pd.concat(parts, ignore_index=True)

    def speakers(self, utterances: pd.DataFrame) -> pd.DataFrame:
        """Who says each utterance of the good clips: clip_id, utterance_id, said_by (-1 where nobody speaks then)."""
        rows = []
        for row in utterances[utterances["clip_id"].isin(self.good)].to_dict("records"):
            clip = self.good[row["clip_id"]]
            start, end = clip.start_s + row["start_s"], clip.start_s + row["end_s"]
            shares = np.zeros(len(self.truths[clip.video].people))
            for turn in self.turns(clip):
                shares[turn.person] += max(min(turn.end_s, end) - max(turn.start_s, start), 0)
            rows.append((row["clip_id"], row["utterance_id"], int(shares.argmax()) if shares.any() else -1))
        return pd.DataFrame(rows, columns=["clip_id", "utterance_id", "said_by"])

    def whose_face(self, boxes: pd.DataFrame) -> pd.Series:
        """The person whose face each box shows, -1 for none, by the index of `boxes`.

        A box shows the visible face whose centre is nearest, if that is no farther than half the true face's height.

        Args:
            boxes: clip_id, frame, and a face box, x0 to y1.
        """
        seen = self.frames[self.frames["visible"]]
        pairs = boxes.reset_index(names="box").merge(seen, on=["clip_id", "frame"], suffixes=("", "_true"))
        centres = {
            end: np.stack([pairs[[f"face_{axis}{i}{end}" for i in (0, 1)]].mean(axis=1) for axis in "xy"], axis=1)
            for end in ("", "_true")
        }
        pairs["distance"] = np.linalg.norm(centres[""] - centres["_true"], axis=1)
        near = pairs[pairs["distance"] <= (pairs["face_y1_true"] - pairs["face_y0_true"]) / 2]
        nearest = near.sort_values("distance").drop_duplicates("box").set_index("box")["person"]
        return nearest.reindex(boxes.index, fill_value=-1).astype(int)
