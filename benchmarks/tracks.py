"""What following costs and keeps: rule `tracks` with detection in every frame beside every n-th, on the same frames.

Run from the repository's root: python benchmarks/tracks.py VIDEO [--every 3 5 10] [--frames 1000]
Prints CPU time a frame, the share of the faces detected in every frame that the n-th finds too (overlap above 0.3), and
the overlap of its boxes with those. `interpolated` lets nothing follow: boxes are drawn straight from detection to
detection.
"""

import argparse
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from nonverbal.config import SCHEMA, load
from nonverbal.media import decode_frames
from nonverbal.speakers.boxes import overlaps
from nonverbal.speakers.descriptor import Colours
from nonverbal.speakers.faces import MediapipeFaces
from nonverbal.speakers.tracks import FACE, follow_faces, track_rows


def found_again(every_frame: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Best overlap of each detected face with a box of the same frame in `rows`."""
    boxes = {frame: table[FACE].to_numpy() for frame, table in rows.groupby("frame")}
    seen = every_frame[every_frame["score"] > 0]
    nothing = np.empty((0, 4))
    pairs = zip(seen["frame"], seen[FACE].to_numpy(), strict=True)
    return np.array([overlaps(box[None], boxes.get(frame, nothing)).max(initial=0) for frame, box in pairs])


def straight(every_frame: pd.DataFrame, every: int) -> pd.DataFrame:
    """Each track's boxes in every n-th frame, and straight lines between them."""
    known = every_frame.copy()
    first = known.groupby("track_id")["frame"].transform("min")
    known.loc[(known["frame"] - first) % every > 0, FACE] = np.nan
    known[FACE] = known.groupby("track_id")[FACE].transform(lambda boxes: boxes.interpolate())
    return known


def row(name: str, cost: str, shared: np.ndarray) -> None:
    found = shared[shared > 0.3]
    print(f"{name:22}{cost:>18}{(shared > 0.3).mean():10.3f}{found.mean():10.3f}{np.quantile(found, 0.05):10.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--every", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--frames", type=int, default=1000)
    args = parser.parse_args()
    usual = load(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())).speakers.tracks
    frames = list(islice(decode_frames(args.video), args.frames))
    height, width = frames[0].shape[:2]
    finder, describer = MediapipeFaces(usual.lowest_score), Colours()
    results = {}
    for every in [1, *args.every]:
        started = time.process_time()
        found = follow_faces(frames, finder, describer, usual.model_copy(update={"detect_every": every}))
        results[every] = (time.process_time() - started, track_rows("c_000", found, width, height))
    base, every_frame = results[1]
    print(f"{len(frames)} frames {width}x{height}, {len(every_frame) / len(frames):.1f} faces a frame")
    print(f"{'detection':22}{'CPU, ms a frame':>18}{'found':>10}{'overlap':>10}{'5 %':>10}")
    for every, (seconds, rows) in results.items():
        cost = f"{1e3 * seconds / len(frames):.1f} ({base / seconds:.2f} x)"
        row(f"every {every}", cost, found_again(every_frame, rows))
        if every > 1:
            row(f"every {every}, interpolated", "", found_again(every_frame, straight(every_frame, every)))


if __name__ == "__main__":
    main()
