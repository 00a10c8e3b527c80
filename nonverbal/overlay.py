"""A clip with what was found in it drawn over: persons, who speaks, words as they are spoken, motion tokens.

`python -m nonverbal.overlay RESULTS CLIP_ID OUT.mp4` draws whatever stages have finished; the sound comes with it.
"""

import argparse
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pandas as pd

from nonverbal.errors import UserError
from nonverbal.layouts import FPS, PARTS
from nonverbal.media import VideoWriter, decode_frames, run_ffmpeg
from nonverbal.progress import track
from nonverbal.schema import TABLES, read_arrow

HEIGHT = 720  # the picture is scaled to this
TEXT, LINE, GAP = 22, 32, 8  # pixels: size of letters, height of a line, space between words
LINES = 4  # under the picture: the words take two, tokens one for each speaker
WHITE, GREY, BLACK = (255, 255, 255), (150, 150, 150), (0, 0, 0)
# Okabe and Ito's colours, which colour-blind viewers tell apart: one a person, in turn.
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0))


@dataclass(frozen=True)
class Found:
    """What the stages found in one clip; tables that are not made yet are empty."""

    clip: dict[str, Any]
    media: Path
    seen: pd.DataFrame  # tracks and active_speaker joined
    words: pd.DataFrame
    crops: pd.DataFrame
    tokens: dict[str, pd.DataFrame]

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
        words=table("speech", "utterances", "words"),
        crops=table("speakers", "crops", "crops"),
        tokens=tokens,
    )


def _table(path: Path, name: str, clip_id: str) -> pd.DataFrame:
    return (read_arrow(path, name, clip_id=clip_id) if path.exists() else TABLES[name].empty_table()).to_pandas()


class Painter:
    """Draws one frame after another.

    Args:
        found: what to draw.
        width, height: of the clip's pictures.
    """

    def __init__(self, found: Found, width: int, height: int) -> None:
        self.found, self.scale = found, HEIGHT / height
        self.width = round(width * self.scale / 2) * 2
        self.font = cv2.FontFace("uni")  # OpenCV's own font, which has Chinese, Japanese and Korean too
        self.seen = dict(list(found.seen.groupby("frame")))
        self.crops = dict(list(found.crops.groupby("frame")))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn."""
        return self.width, HEIGHT + LINES * LINE

    def draw(self, number: int, frame: np.ndarray) -> np.ndarray:
        """Frame `number` with everything drawn on it, uint8 RGB."""
        canvas = np.zeros((HEIGHT + LINES * LINE, self.width, 3), dtype=np.uint8)
        canvas[:HEIGHT] = cv2.resize(frame, (self.width, HEIGHT), interpolation=cv2.INTER_AREA)
        for row in self.seen.get(number, self.found.seen.head(0)).to_dict("records"):
            self._person(canvas, row)
        for row in self.crops.get(number, self.found.crops.head(0)).to_dict("records"):
            colour = self.found.colour_of(row["speaker"])
            self._box(canvas, row, "person", colour, 4)
        self._words(canvas, number / FPS)
        self._tokens(canvas, number)
        return canvas

    def _person(self, canvas: np.ndarray, row: dict[Any, Any]) -> None:
        colour, speaks = self.found.colours[row["person"]], row["speaking"] > 0
        self._box(canvas, row, "person", colour, 1)
        self._box(canvas, row, "face", colour, 4 if speaks else 1)
        label = f"#{row['track_id']} P{row['person']}" + (f" speaks {row['speaking']:+.1f}" if speaks else "")
        x, y = int(row["face_x0"] * self.scale), int(row["face_y0"] * self.scale) - GAP
        self._write(canvas, label, (x, max(y, TEXT)), colour)

    def _box(
        self, canvas: np.ndarray, row: dict[Any, Any], which: str, colour: tuple[int, int, int], line: int
    ) -> None:
        x0, y0, x1, y1 = (round(row[f"{which}_{corner}"] * self.scale) for corner in ("x0", "y0", "x1", "y1"))
        cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, line)

    def _write(self, canvas: np.ndarray, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> int:
        """Write on a black ground; where the text ended, in pixels from the left."""
        place = (max(min(place[0], self.width - self._length(text)), 0), place[1])
        x0, y0, width, height = cv2.getTextSize(canvas.shape[1::-1], text, place, self.font, TEXT)
        cv2.rectangle(canvas, (x0 - 2, y0 - 2), (x0 + width + 2, y0 + height + 2), BLACK, -1)
        end, _ = cv2.putText(canvas, text, place, colour, self.font, TEXT)
        return int(end[0])

    def _length(self, text: str) -> int:
        return int(cv2.getTextSize((0, 0), text, (0, 0), self.font, TEXT)[2])

    def _words(self, canvas: np.ndarray, time: float) -> None:
        """The utterance being said: words in the speaker's colour from the moment they start, grey before."""
        begun = self.found.words[self.found.words["start_s"] <= time]
        if begun.empty or begun["end_s"].max() < time - 1:
            return
        now = begun.iloc[-1]
        said = self.found.words[self.found.words["utterance_id"] == now["utterance_id"]].to_dict("records")
        left, y = self._start_line(canvas, now["speaker"], 0)
        colour = self.found.colour_of(now["speaker"])
        for line in self._lines(said, now["word_index"], self.width - left):
            x = left
            for word in line:
                x = self._write(canvas, word["word"], (x, y), colour if word["start_s"] <= time else GREY) + GAP
            y += LINE

    def _lines(self, words: list[dict[Any, Any]], current: int, width: int) -> list[list[dict[Any, Any]]]:
        """Words in lines of so many pixels: the line with the current word (a word_index) and the one after it."""
        lines: list[list[dict[Any, Any]]] = [[]]
        used = 0
        for word in words:
            long = self._length(word["word"]) + GAP
            if lines[-1] and used + long > width:
                lines.append([])
                used = 0
            lines[-1].append(word)
            used += long
        first = next(i for i, line in enumerate(lines) if line[-1]["word_index"] >= current)
        return lines[first : first + 2]

    def _tokens(self, canvas: np.ndarray, number: int) -> None:
        """The motion tokens at this frame, a line a speaker."""
        for part, column in zip(PARTS, (0, 12), strict=True):
            for run in self.found.tokens[part].to_dict("records"):
                place = (number - run["first_frame"]) // 8
                if 0 <= number - run["first_frame"] < run["frames"]:
                    x, y = self._start_line(canvas, run["speaker"], 2 + run["speaker"] % 2)
                    text = f"{part.upper()}_{run['tokens'][place]}"
                    self._write(canvas, text, (x + column * TEXT // 2, y), self.found.colour_of(run["speaker"]))

    def _start_line(self, canvas: np.ndarray, speaker: int, line: int) -> tuple[int, int]:
        y = HEIGHT + (line + 1) * LINE - 10
        return self._write(canvas, f"{speaker}:", (8, y), self.found.colour_of(speaker)) + GAP, y


def overlay(results: Path, clip_id: str, out: Path) -> None:
    """Draw a clip's findings and write them with its sound as H.264 and AAC.

    Raises:
        UserError: the results hold no such clip.
    """
    found = find(results, clip_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    painter = Painter(found, found.clip["width"], found.clip["height"])
    with TemporaryDirectory(dir=out.parent) as folder:
        silent = Path(folder) / "silent.mp4"
        with VideoWriter(silent, *painter.size) as writer:
            frames = decode_frames(found.media / found.clip["video"])
            for number, frame in enumerate(track(frames, "overlay", found.clip["frames"])):
                writer.write(painter.draw(number, frame))
        sound = ("-i", str(found.media / found.clip["audio"])) if found.clip["audio"] else ()
        run_ffmpeg("-i", str(silent), *sound, "-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart", str(out))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m nonverbal.overlay", description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("clip_id", help="for example VIDEO_000")
    parser.add_argument("out", type=Path, help="video to write (.mp4)")
    given = parser.parse_args()
    try:
        overlay(given.results, given.clip_id, given.out)
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
