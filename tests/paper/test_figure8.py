from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, OPEN_FACE
from nonverbal.paper.figure8 import Shown, chosen, figure8, frames_of, words_at
from nonverbal.paper.settings import Figure8
from nonverbal.schema import write_table


def rows(clip: str, utterance: int, speaker: int, frames: range, features: int) -> list[dict]:
    values = np.full(features, np.nan, np.float32)
    values[:56] = 0.05
    return [
        {"clip_id": clip, "utterance_id": utterance, "speaker": speaker, "frame": frame, "valid": True, "reason": "",
         "confidence": 1.0, "features": values}
        for frame in frames
    ]  # fmt: skip


def tables(tmp_path: Path, body_of: dict[tuple[str, int, int], range]) -> dict[str, list[Path]]:
    """Faces everywhere in frames 0..40 of each utterance of `body_of`, bodies where it says."""
    said = [(*key, span) for key, span in body_of.items()]
    face = [row for *who, _ in said for row in rows(*who, range(40), FACE_FEATURES)]
    body = [row for *who, span in said for row in rows(*who, span, BODY_FEATURES)]
    words = [
        {"clip_id": clip, "utterance_id": utterance, "word_index": 0, "speaker": speaker, "word": "$x$ </b> 日本",
         "start_s": 0.1, "end_s": 0.4, "interpolated": False}
        for clip, utterance, speaker, _ in said
    ]  # fmt: skip
    clips = [
        {"clip_id": clip, "video_id": "v", "channel_id": "c", "group": "g", "split": "train"}
        for clip in sorted({clip for clip, *_ in body_of})
    ]
    for name, table in (("face", face), ("body", body), ("words", words), ("split", clips)):
        write_table(tmp_path / f"{name}.parquet", name, table)
    return {name: [tmp_path / f"{name}.parquet"] for name in ("face", "body", "words")}


def test_two_speakers_of_the_clip_in_which_both_are_seen_most_are_chosen(tmp_path):
    known = {
        ("a_000", 0, 0): range(40), ("a_000", 1, 1): range(5), ("b_000", 0, 1): range(20), ("b_000", 1, 0): range(9),
        ("b_000", 2, 0): range(15),
    }  # fmt: skip
    paths = tables(tmp_path, known)
    found = chosen(paths["face"], paths["body"], {"a_000", "b_000"})
    assert found == [Shown(0, "b_000", 2, 0), Shown(0, "b_000", 0, 1)]
    assert chosen(paths["face"], paths["body"], {"a_000"})[0] == Shown(0, "a_000", 0, 0)
    assert chosen(paths["face"], paths["body"], set()) == []


def test_pictures_are_of_frames_in_which_both_are_known(tmp_path):
    paths = tables(tmp_path, {("a_000", 0, 0): range(10, 31)})
    frames, both = frames_of(Shown(0, "a_000", 0, 0), paths["face"][0], paths["body"][0], 3)
    assert frames == [10, 20, 30] and len(both["features_face"].iloc[0]) == FACE_FEATURES


def test_words_stand_below_the_picture_they_start_after():
    words = pd.DataFrame({"word": ["a", "b", "c"], "start_s": [0.0, 0.41, 0.8]})
    assert words_at(words, [5, 10, 20]) == ["a", "b", "c"] and words_at(words.head(0), [5]) == [""]


def test_figure_is_the_same_again_and_has_two_rows_a_speaker(tmp_path):
    paths = tables(tmp_path, {("a_000", 0, 0): range(8), ("a_000", 1, 1): range(8)})
    made = []
    for name in ("one", "two"):
        outputs = [tmp_path / f"{name}.{kind}" for kind in ("png", "pdf")]
        figure8(**paths, split=tmp_path / "split.parquet", settings=Figure8(frames=5), models=tmp_path / "none",
                png=outputs[0], pdf=outputs[1])  # fmt: skip
        made.append([path.read_bytes() for path in outputs])
    assert made[0] == made[1]
    picture = np.asarray(Image.open(tmp_path / "one.png").convert("L"))
    assert picture.shape[1] == 2100 and picture.shape[0] > 4 * 2100 / 5.2
    assert OPEN_FACE.dim == 51 and (picture < 128).mean() > 0.05  # something is drawn


def test_nobody_seen_is_said(tmp_path):
    paths = tables(tmp_path, {("a_000", 0, 0): range(0)})
    figure8(**paths, split=tmp_path / "split.parquet", settings=Figure8(frames=5), models=tmp_path / "none",
            png=tmp_path / "f.png", pdf=tmp_path / "f.pdf")  # fmt: skip
    assert (tmp_path / "f.png").stat().st_size > 2_000
