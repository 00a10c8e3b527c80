import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nonverbal.speakers.boxes import clipped, overlaps, person_boxes, scaled

corner = arrays(float, (3, 2), elements=st.floats(0, 100))
size = arrays(float, (3, 2), elements=st.floats(1, 50))
some_boxes = st.tuples(corner, size).map(lambda parts: np.hstack([parts[0], parts[0] + parts[1]]))


@given(some_boxes, some_boxes)
def test_overlap_is_symmetric_at_most_one_and_one_with_itself(a, b):
    shared = overlaps(a, b)
    assert np.allclose(shared, overlaps(b, a).T)
    assert (shared >= 0).all() and (shared <= 1 + 1e-9).all()
    assert np.allclose(np.diag(overlaps(a, a)), 1)


def test_overlap_of_known_boxes():
    assert np.allclose(overlaps(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0], [5, 5, 6, 6]])), [[1 / 3, 0]])


@given(some_boxes, st.floats(1, 4))
def test_scaling_keeps_the_centre_and_contains_the_box(boxes, factor):
    larger = scaled(boxes, factor)
    assert np.allclose(larger[:, :2] + larger[:, 2:], boxes[:, :2] + boxes[:, 2:])
    assert np.allclose(larger[:, 2:] - larger[:, :2], factor * (boxes[:, 2:] - boxes[:, :2]))


def test_clipping():
    assert clipped(np.array([[-5.0, 3, 700, 900]]), 640, 360).tolist() == [[0, 3, 640, 360]]


def test_two_persons_share_the_picture_at_the_middle_between_their_faces():
    faces = np.array([[100, 50, 140, 90], [240, 50, 280, 90]] * 10, dtype=float)
    tracks, frames = np.tile([0, 1], 10), np.repeat(np.arange(10), 2)
    boxes = person_boxes(faces, tracks, frames, 640, 360)
    assert (boxes[tracks == 0, 2] == 190).all() and (boxes[tracks == 1, 0] == 190).all()
    assert (boxes[:, 1] < 50).all() and (boxes[:, 3] == 278).all()


def test_a_person_box_holds_still_while_the_face_box_trembles():
    trembling = np.array([[100, 50, 140, 90.0]]) + np.random.default_rng(0).uniform(-2, 2, (100, 1))
    boxes = person_boxes(trembling, np.zeros(100), np.arange(100), 640, 360)
    assert np.abs(np.diff(boxes, axis=0)).mean() < 0.2 * np.abs(np.diff(trembling, axis=0)).mean()
