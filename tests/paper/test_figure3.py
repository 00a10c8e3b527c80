import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nonverbal.layouts import OPEN_FACE, SMPLX_BODY
from nonverbal.paper.figure3 import clusters, figure3, grouped, representatives, sample, seen_numbers
from nonverbal.paper.settings import Figure3
from nonverbal.schema import write_table

SETTINGS = Figure3(frames=6, clips=100, perplexity=30, neighbours=4)


def corpus(clips: int, dim: int = 5) -> tuple[np.ndarray, pd.DataFrame]:
    """Three kinds of frames, far apart; clip c has frames of kind c % 3."""
    rng = np.random.default_rng(0)
    centres = 10 * np.eye(3, dim)
    index = [
        {"row": 20 * c, "frames": 20, "clip_id": f"v_{c:03d}", "utterance_id": 0, "speaker": 0, "first_frame": 0}
        for c in range(clips)
    ]
    frames = np.concatenate([centres[c % 3] + rng.normal(size=(20, dim)) for c in range(clips)]).astype(np.float32)
    return frames, pd.DataFrame(index).assign(split="train")


def test_so_many_frames_of_each_clip_are_drawn_and_stay_when_clips_come():
    frames, index = corpus(9)
    rows = sample(frames, seen_numbers(frames), index, SETTINGS, seed=1)
    assert (np.bincount(rows // 20, minlength=9) == 6).all() and len(set(rows)) == len(rows)
    assert set(sample(frames, seen_numbers(frames), index[index["row"] < 100], SETTINGS, seed=1)) == {
        row for row in rows if row < 100
    }
    assert list(sample(frames, seen_numbers(frames), index, SETTINGS, seed=2)) != list(rows)


def test_frames_with_unknown_numbers_are_not_drawn():
    frames, index = corpus(4)
    frames[:15, 2] = np.nan
    rows = sample(frames, seen_numbers(frames), index, SETTINGS, seed=1)
    assert not np.isnan(frames[rows]).any() and (rows < 20).sum() == 5


def test_numbers_that_no_frame_knows_cost_no_frame():
    frames, index = corpus(4)
    frames[:, 2] = np.nan
    numbers = seen_numbers(frames)
    assert numbers.tolist() == [True, True, False, True, True]
    assert len(sample(frames, numbers, index, SETTINGS, seed=1)) == 4 * SETTINGS.frames


def test_no_more_clips_than_asked_for():
    frames, index = corpus(9)
    assert (
        len(set(sample(frames, seen_numbers(frames), index, SETTINGS.model_copy(update={"clips": 2}), seed=1) // 20))
        == 2
    )


def test_groups_that_are_there_are_found():
    frames, index = corpus(30)
    rows = sample(frames, seen_numbers(frames), index, SETTINGS, seed=1)
    places, labels = grouped(frames[rows].astype(float), SETTINGS, seed=1)
    kinds = (rows // 20) % 3
    assert places.shape == (180, 2) and set(labels) - {-1} == {0, 1, 2}
    for label in range(3):
        assert len(set(kinds[labels == label])) == 1
    assert np.bincount(labels[labels >= 0])[0] >= np.bincount(labels[labels >= 0])[2]  # numbered from the largest


def test_one_heap_is_one_cluster():
    places = np.random.default_rng(0).normal(size=(200, 2)) * 0.01
    labels = clusters(np.concatenate([places, places + 100]), 4, seed=0)
    assert set(labels) - {-1} == {0, 1}


@pytest.mark.parametrize("clips", [1, 3, 30])
def test_figure_is_drawn_at_any_size_and_is_the_same_again(tmp_path, clips):
    parts = []
    for part, layout in (("face", OPEN_FACE), ("body", SMPLX_BODY)):
        frames, index = corpus(clips, layout.dim)
        np.save(tmp_path / f"{part}.npy", 0.02 * frames)
        write_table(tmp_path / f"{part}.parquet", "sequences_index", index)
        parts += [tmp_path / f"{part}.npy", tmp_path / f"{part}.parquet"]
    made = []
    for name in ("one", "two") if clips == 30 else ("one",):
        outputs = [tmp_path / f"{name}.png", tmp_path / f"{name}.pdf"]
        figure3(*parts, SETTINGS, 7, tmp_path / "models", *outputs)
        made.append([path.read_bytes() for path in outputs])
    assert made[0] == made[-1] and len(made[0][0]) > 5_000
    below = np.asarray(Image.open(tmp_path / "one.png").convert("RGB"))[-600:-60:7, ::7]
    colours = np.unique(below.reshape(-1, 3), axis=0)
    assert (len(colours) > 300) == (clips > 1)  # meshes, where there are clusters


def test_a_cluster_is_shown_by_the_point_nearest_to_its_mean():
    points = np.array([[0.0, 0], [1, 0], [2.2, 0], [9, 9], [50, 50]])
    assert representatives(points, np.array([0, 0, 0, 1, -1])).tolist() == [1, 3]
    assert representatives(points, np.full(5, -1)).tolist() == []
    assert len(representatives(np.eye(20), np.arange(20))) == 8
