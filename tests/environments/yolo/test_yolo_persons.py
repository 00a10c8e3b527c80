"""The person detector through Ultralytics' own code, with a tiny network of random weights."""

import numpy as np
import pytest
import torch

from nonverbal.speakers.yolo import YoloPersons


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A YOLOv8 of the smallest width, saved as Ultralytics saves one; random, but it knows what a class is."""
    from ultralytics import YOLO

    folder = tmp_path_factory.mktemp("yolo")
    torch.manual_seed(0)
    network = YOLO("yolov8n.yaml")
    for head in network.model.model[-1].cv3:
        head[-1].bias.data[:] = -9.0
        head[-1].bias.data[0] = 1.0  # everything is a person
    network.save(folder / "tiny.pt")
    return folder / "tiny.pt"


def frames(count: int, height: int = 180, width: int = 320) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 255, (count, height, width, 3), dtype=np.uint8))


def test_a_batch_is_found_as_each_frame_alone_inside_the_picture_best_first(weights):
    persons = YoloPersons(weights, 0.5)
    together = persons.scored(frames(3))
    assert len(together) == 3
    for frame, found in zip(frames(3), together, strict=True):
        boxes, scores = found[:, :4], found[:, 4]
        assert len(found) > 0 and (boxes >= 0).all() and (boxes <= [320, 180, 320, 180]).all()
        assert (scores >= 0.5).all() and (np.diff(scores) <= 0).all()
        assert np.allclose(persons.scored([frame])[0], found, atol=0.1)
        assert np.allclose(persons.find([frame])[0], boxes, atol=0.1)


def test_nothing_reaches_a_score_that_is_too_high(weights):
    assert YoloPersons(weights, 0.999).find(frames(1))[0].shape == (0, 4)


@pytest.mark.parametrize("height, width", [(320, 180), (16, 16)])
def test_portrait_and_tiny_frames(weights, height, width):
    found = YoloPersons(weights, 0.5).find(frames(2, height, width))
    assert len(found) == 2 and all((boxes <= [width, height, width, height]).all() for boxes in found)
