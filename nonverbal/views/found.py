"""What the stages found in one clip, read once for every view."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nonverbal.errors import UserError
from nonverbal.layouts import FPS, PARTS, floor_frame
from nonverbal.media import decode_frames
from nonverbal.schema import TABLES, read_arrow

WHITE = (255, 255, 255)
# Okabe and Ito's colours, which colour-blind viewers tell apart: one a person, in turn.
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0))

# Tables of a shard that views read, and the folder of the rule that makes each.
TABLES_OF = {
    "tracks": "speakers/tracks", "active_speaker": "speakers/active_speaker", "crops": "speakers/crops",
    "utterances": "speech/utterances", "words": "speech/utterances", "face": "cues/smooth", "body": "cues/smooth",
}  # fmt: skip


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


def frames_of(found: Found, span: Span) -> Iterator[tuple[int, np.ndarray]]:
    """Number and picture of each frame of a span."""
    return islice(enumerate(decode_frames(found.video)), span.first, span.stop)


def find(results: Path, clip_id: str) -> Found:
    """Read the tables of one clip.

    Raises:
        UserError: no shard of the results holds the clip.
    """
    for clips in sorted((results / "collect" / "clips").glob("*/clips.parquet")):
        shard = clips.parent.name
        tables = {name: results / folder / shard / f"{name}.parquet" for name, folder in TABLES_OF.items()}
        tokens = {part: results / "tokenizers" / "tokenize" / f"{part}.parquet" for part in PARTS}
        found = read(clip_id, clips, clips.parent / "media", tables, tokens)
        if found:
            return found
    raise UserError(
        f"there is no clip {clip_id!r} under {results}; column clip_id of {results}/collect/clips/*/clips.parquet "
        "lists the clips"
    )


def read(
    clip_id: str, clips: Path, media: Path, tables: dict[str, Path], tokens: dict[str, Path] | None = None
) -> Found | None:
    """Read the tables of one clip; None where its shard is another.

    Args:
        clip_id: the clip.
        clips: a shard's table of that name.
        media: the shard's folder of videos.
        tables: the shard's others by name, those of TABLES_OF; what is not there yet is empty.
        tokens: tables `tokens` by part, where they are made already.
    """
    clip = read_arrow(clips, "clips", clip_id=clip_id).to_pylist()
    if not clip or not clip[0]["video"]:
        return None
    of_clip = {name: _table(path, name, clip_id) for name, path in tables.items()}
    scores = of_clip["active_speaker"].rename(columns={"score": "speaking"})
    seen = of_clip["tracks"].merge(scores, on=["clip_id", "track_id", "frame"], how="left")
    return Found(
        clip=clip[0],
        media=media,
        seen=seen.fillna({"person": -1, "speaking": 0.0}).astype({"person": int}),
        utterances=of_clip["utterances"],
        words=of_clip["words"],
        crops=of_clip["crops"],
        cues={part: of_clip[part] for part in PARTS},
        tokens={part: _table((tokens or {}).get(part), "tokens", clip_id) for part in PARTS},
    )


def _table(path: Path | None, name: str, clip_id: str) -> pd.DataFrame:
    if path is None or not path.exists():
        return TABLES[name].empty_table().to_pandas()
    return read_arrow(path, name, clip_id=clip_id).to_pandas()
