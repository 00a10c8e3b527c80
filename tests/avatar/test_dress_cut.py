import numpy as np
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.avatar.cut import clip, pick, subdivide

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def area(sums, faces):
    """Signed area of flat triangles."""
    a, b, c = ((sums @ SQUARE)[faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)[:, 2] / 2


def whole():
    return scipy.sparse.eye_array(4, format="csr"), FACES


@given(st.lists(st.floats(-1, 1).filter(lambda x: abs(x) > 1e-3), min_size=4, max_size=4))
def test_the_two_sides_of_a_cut_make_the_whole(field):
    field = np.array(field)
    parts = [area(*clip(*whole(), sign * field)) for sign in (1, -1)]
    assert np.isclose(sum(part.sum() for part in parts), 1.0)
    assert all((part >= -1e-12).all() for part in parts)  # no triangle is turned over


def test_a_cut_runs_where_the_field_is_zero():
    sums, faces = clip(*whole(), SQUARE[:, 0] - 0.3)
    assert np.isclose((sums @ SQUARE)[np.unique(faces), 0].min(), 0.3)
    assert np.isclose(area(sums, faces).sum(), 0.7)


def test_subdividing_keeps_the_surface_and_makes_four_of_one():
    sums, faces = subdivide(*whole())
    assert len(faces) == 8
    assert np.allclose(area(sums, faces), 0.125)
    assert sums.shape[0] == 4 + 5  # a middle an edge, the shared one once


def test_pick_keeps_only_the_vertices_in_use():
    sums, faces = pick(FACES[1:], 4)
    assert sums.shape == (3, 4)
    assert np.allclose((sums @ SQUARE)[faces[0]], SQUARE[FACES[1]])
