"""The truth beside each video of the demonstration: what was said, by whom, and every joint and facial action.

Times are seconds and frames are numbers at 25 a second, both from the start of the video; boxes are pixels.
docs/demo.md describes the files.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.layouts import BODY_FEATURES, OPEN_FACE_ACTIONS, OPEN_JAW_ACTIONS

BOX = ("x0", "y0", "x1", "y1")
SIDED = ("left_forearm", "right_forearm", "left_hand", "right_hand")
FRAMES = pa.schema(
    [
        ("frame", pa.int32()), ("person", pa.int32()), ("shot", pa.string()), ("speaking", pa.bool_()),
        ("visible", pa.bool_()), *[(f"face_{side}", pa.float32()) for side in BOX],
        *[(f"person_{side}", pa.float32()) for side in BOX], ("head_turn", pa.float32()),
        *[(f"{part}_seen", pa.float32()) for part in ("face", *SIDED)],
        ("actions", pa.list_(pa.float32(), len(OPEN_FACE_ACTIONS) + len(OPEN_JAW_ACTIONS))),
        ("body", pa.list_(pa.float32(), BODY_FEATURES)),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word as written in the script, with punctuation, and when it sounds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class SpokenTurn:
    """What one person says without a break."""

    person: int
    start_s: float
    end_s: float
    text: str
    words: list[Word]


@dataclass(frozen=True)
class Body:
    """How a person is built: joints in the T-pose, [52, 3] metres, and what jawOpen turns the jaw by, radians."""

    joints: list[list[float]]
    jaw_angle: float


@dataclass(frozen=True)
class Truth:
    """What is known of one video.

    Args:
        video: its key in demo/corpus.yaml.
        guid: its id in the feed.
        title: as in the feed.
        channels: ids of the channels that list it, the first being its own.
        people: names, in the order of person numbers.
        language: of the captions.
        length_s: of the picture.
        expected_table, expected_reason: the decision that must drop it, "" and "" when it must be kept.
        turns: in order of time; the silent video's turns are mouthed, not heard.
        bodies: of the people.
    """

    video: str
    guid: str
    title: str
    channels: list[str]
    people: list[str]
    language: str
    length_s: float
    expected_table: str
    expected_reason: str
    turns: list[SpokenTurn]
    bodies: list[Body] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every filter must keep it."""
        return not self.expected_table


def write_truth(folder: Path, truth: Truth, frames: pa.Table) -> None:
    """Write video.json and frames.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(truth), indent=1, ensure_ascii=False)
    (folder / "video.json").write_text(text + "\n", encoding="utf-8")
    pq.write_table(frames.cast(FRAMES), folder / "frames.parquet", compression="zstd")


def read_truth(folder: Path) -> Truth:
    """What is known of the video whose truth folder this is."""
    raw = json.loads((folder / "video.json").read_text(encoding="utf-8"))
    turns = [SpokenTurn(**turn | {"words": [Word(**word) for word in turn["words"]]}) for turn in raw["turns"]]
    return Truth(**raw | {"turns": turns, "bodies": [Body(**body) for body in raw.get("bodies", [])]})


def read_all(truth: Path) -> dict[str, Truth]:
    """All videos below results/demo/corpus/truth, by key, sorted."""
    return {folder.name: read_truth(folder) for folder in sorted(truth.iterdir()) if folder.is_dir()}


def read_frames(folder: Path) -> pd.DataFrame:
    """One row a frame and person with FRAMES' columns; boxes are NaN where the person is not in the picture."""
    table = pq.read_table(folder / "frames.parquet", schema=FRAMES)
    vectors = {name: list(np.stack(table[name].to_numpy())) for name in ("actions", "body")}
    return table.drop(["actions", "body"]).to_pandas().assign(**vectors)
