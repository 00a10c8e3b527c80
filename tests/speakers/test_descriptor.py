import numpy as np
import pytest

from nonverbal.speakers.descriptor import describe

FACE = np.array([140.0, 50, 180, 90])


def person(skin, hair, shirt, light=1.0, seed=0) -> np.ndarray:
    """A picture of a head and a shirt with some noise."""
    frame = np.full((180, 320, 3), 90.0)
    frame[30:50, 130:190] = hair
    frame[50:100, 135:185] = skin
    frame[100:180, 100:220] = shirt
    noise = np.random.default_rng(seed).normal(0, 4, frame.shape)
    return np.clip(frame * light + noise, 0, 255).astype(np.uint8)


ANNA = ((220, 180, 150), (60, 40, 30), (200, 30, 40))
BEN = ((220, 180, 150), (60, 40, 30), (40, 60, 200))
GREY, WHITE = ((220, 180, 150), (20, 20, 20), (90, 90, 90)), ((220, 180, 150), (20, 20, 20), (240, 240, 240))


def test_it_has_length_one_and_no_negative_number():
    vector = describe(person(*ANNA), FACE)
    assert vector.dtype == np.float32 and vector.shape == (32,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6) and (vector >= 0).all()


@pytest.mark.parametrize("one, other", [(ANNA, BEN), (GREY, WHITE)])
def test_the_same_person_in_other_light_is_more_alike_than_another_in_the_same(one, other):
    here = describe(person(*one), FACE)
    dimmer = describe(person(*one, light=0.9, seed=1), FACE + 2)
    assert here @ dimmer > 0.96 > here @ describe(person(*other), FACE)


def test_a_face_at_the_edge_of_the_picture_is_described():
    vector = describe(person(*ANNA), np.array([300.0, 150, 340, 190]))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_size_does_not_matter():
    small = person(*ANNA)
    large = np.kron(small, np.ones((3, 3, 1), dtype=np.uint8))
    assert describe(small, FACE) @ describe(large, FACE * 3) > 0.99
