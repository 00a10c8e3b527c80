"""What the stages found in one clip, read once for every view."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from nonverbal.errors import UserError
from nonverbal.layouts import FPS, PARTS, floor_frame
from nonverbal.schema import TABLES, read_arrow

WHITE = (255, 255, 255)
# Okabe and Ito's colours, which colour-blind viewers tell apart: one a person, in turn.
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0))


@dataclass(frozen=True)
class Span:
    """Frames first .. stop - 1 of a clip."""

    first: int
    stop: int

    def __len__(self) -> int:
        """Frames."""
        return self.stop - self.first

    @property
    def seconds(self) -> tuple[float, float]:
        """Where it starts in the clip, and how long it is."""
        return self.first / FPS, len(self) / FPS


@dataclass(frozen=True)
class Found:
    """What the stages found in one clip; tables that are not made yet are empty."""

    clip: dict[str, Any]
    media: Path
    seen: pd.DataFrame  # tracks and active_speaker joined
    utterances: pd.DataFrame
    words: pd.DataFrame
    crops: pd.DataFrame
    cues: dict[str, pd.DataFrame]  # smoothed
    tokens: dict[str, pd.DataFrame]

    @property
    def video(self) -> Path:
        """The clip's picture."""
        return self.media / self.clip["video"]

    @property
    def audio(self) -> Path | None:
        """The clip's sound."""
        return self.media / self.clip["audio"] if self.clip["audio"] else None

    @cached_property
    def colours(self) -> dict[int, tuple[int, int, int]]:
        """Colour of each person."""
        return {int(person): PALETTE[int(person) % len(PALETTE)] for person in self.seen["person"].unique()}

    @cached_property
    def person_of_speaker(self) -> dict[int, int]:
        """The person seen most as each speaker."""
        both = self.crops.merge(self.seen[["track_id", "frame", "person"]], on=["track_id", "frame"])
        counts = both.value_counts(["speaker", "person"], ascending=True)
        return {int(speaker): int(person) for speaker, person in counts.index.tolist()}  # the most frequent comes last

    def colour_of(self, speaker: int) -> tuple[int, int, int]:
        """Colour of a speaker's person, white where nobody is seen as the speaker."""
        return self.colours.get(self.person_of_speaker.get(speaker, -1), WHITE)

    def span(self, utterance_id: int | None) -> Span:
        """The frames of an utterance, or of the whole clip.

        Raises:
            UserError: the clip has no such utterance.
        """
        if utterance_id is None:
            return Span(0, self.clip["frames"])
        rows = self._of(utterance_id)
        first, stop = floor_frame(rows.iloc[0]["start_s"]), floor_frame(rows.iloc[0]["end_s"])
        return Span(first, min(max(stop, first + 1), self.clip["frames"]))

    def describe(self, utterance_id: int | None) -> str:
        """The clip or one of its utterances, in words."""
        clip = f"clip {self.clip['clip_id']}"
        return clip if utterance_id is None else f"utterance {utterance_id} of {clip}"

    def speakers(self, utterance_id: int | None) -> list[int]:
        """Who speaks in an utterance, or in the whole clip."""
        return sorted(self._of(utterance_id)["speaker"].unique().tolist())

    def _of(self, utterance_id: int | None) -> pd.DataFrame:
        if utterance_id is None:
            return self.utterances
        rows = self.utterances[self.utterances["utterance_id"] == utterance_id]
        if rows.empty:
            have = ", ".join(map(str, self.utterances["utterance_id"])) or "none"
            raise UserError(f"clip {self.clip['clip_id']} has no utterance {utterance_id}; it has {have}")
        return rows


def find(results: Path, clip_id: str) -> Found:
    """Read the tables of one clip.

    Raises:
        UserError: no shard of the results holds the clip.
    """
    for clips in sorted((results / "collect" / "clips").glob("*/clips.parquet")):
        rows = read_arrow(clips, "clips", clip_id=clip_id).to_pylist()
        if rows and rows[0]["video"]:
            return _read(results, clips.parent, rows[0])
    raise UserError(
        f"there is no clip {clip_id!r} under {results}; column clip_id of {results}/collect/clips/*/clips.parquet "
        "lists the clips"
    )


def _read(results: Path, folder: Path, clip: dict[str, Any]) -> Found:
    def table(stage: str, rule: str, name: str) -> pd.DataFrame:
        return _table(results / stage / rule / folder.name / f"{name}.parquet", name, clip["clip_id"])

    scores = table("speakers", "active_speaker", "active_speaker").rename(columns={"score": "speaking"})
    seen = table("speakers", "tracks", "tracks").merge(scores, on=["clip_id", "track_id", "frame"], how="left")
    tokens = {
        part: _table(results / "tokenizers" / "tokenize" / f"{part}.parquet", "tokens", clip["clip_id"])
        for part in PARTS
    }
    return Found(
        clip=clip,
        media=folder / "media",
        seen=seen.fillna({"person": -1, "speaking": 0.0}).astype({"person": int}),
        utterances=table("speech", "utterances", "utterances"),
        words=table("speech", "utterances", "words"),
        crops=table("speakers", "crops", "crops"),
        cues={part: table("cues", "smooth", part) for part in PARTS},
        tokens=tokens,
    )


def _table(path: Path, name: str, clip_id: str) -> pd.DataFrame:
    return (read_arrow(path, name, clip_id=clip_id) if path.exists() else TABLES[name].empty_table()).to_pandas()
