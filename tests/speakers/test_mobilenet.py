import hashlib

import numpy as np
import pytest
import torch
from speaker_scenes import face, scene

from nonverbal.speakers.mobilenet import MobileNetV2, PersonFeatures

# Of torchvision 0.28.0's mobilenet_v2: its parameters' names and shapes, and four of the features (scaled to length 1)
# that it makes of PICTURE with the weights of `by_formula`.
PARAMETERS = "a18c560d82f6d01d86ac3a49fdcaf1d06cc7979ce4e8c8c176d05b805eaf9ef9"
PLACES, ANSWERS = [1259, 348, 1014, 788], [0.05811, 0.05705, 0.05554, 0.04923]
PICTURE = torch.sin(torch.arange(3 * 224 * 224) * 0.01).reshape(1, 3, 224, 224)


def by_formula(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights whoever makes them."""
    return {name: values(name, old).reshape(old.shape).to(old.dtype) for name, old in state.items()}


def values(name: str, old: torch.Tensor) -> torch.Tensor:
    count = torch.arange(max(old.numel(), 1), dtype=torch.float64)
    if old.dim() > 1:
        return torch.cos(count * 0.7 + len(name)) * (2 / old[0].numel()) ** 0.5
    return 1 + 0.1 * torch.cos(count) if name.endswith(("weight", "var")) else 0.1 * torch.sin(count)


def test_parameters_have_the_published_names_shapes_and_order():
    state = MobileNetV2().state_dict()
    listed = "\n".join(f"{name} {list(value.shape)}" for name, value in state.items())
    assert hashlib.sha256(listed.encode()).hexdigest() == PARAMETERS


def test_features_are_those_of_the_published_network():
    network = MobileNetV2().eval()
    network.load_state_dict(by_formula(network.state_dict()))
    with torch.inference_mode():
        found = torch.nn.functional.normalize(network(PICTURE))[0]
    assert found[PLACES].numpy() == pytest.approx(ANSWERS, abs=1e-4)


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> PersonFeatures:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2-7ebf99e0.pth"
    torch.save(MobileNetV2().state_dict(), path)
    return PersonFeatures(path)


def test_persons_of_a_frame_are_described_together_as_each_alone(features):
    faces = np.array([face(80), face(220, 90), face(318, 2, 20)])
    found = features.describe(scene(1), faces[:2])
    assert found.dtype == np.float32 and found.shape == (2, 1280)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert features.describe(scene(1), faces[2:]).shape == (1, 1280)  # partly outside the picture


def test_the_same_picture_is_alike_and_another_is_less(features):
    here, again, other = (features.describe(picture, np.array([face(160)]))[0] for picture in map(scene, (1, 1, 2)))
    assert here @ again == pytest.approx(1, abs=1e-5) and here @ other < here @ again - 1e-4
