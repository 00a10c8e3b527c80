import numpy as np
import pytest

from nonverbal.avatar.model import ACTIONS, Avatar
from nonverbal.avatar.render import Camera
from nonverbal.cues import face_correspondence
from nonverbal.cues.face_correspondence import load_correspondence, made_with, reproject
from nonverbal.cues.open_face import align, load_instrument
from nonverbal.layouts import OPEN_FACE

MOUTH, EYES, IRISES, CHIN = (61, 291), (33, 263), (468, 473), 152  # corners, right of the person first


@pytest.fixture(scope="module")
def known():
    return load_correspondence()


def test_places_lie_on_the_mesh(known):
    assert known.vertices.shape == known.weights.shape == (478, 3)
    assert (known.weights >= 0).all() and known.weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    faces = {tuple(sorted(face)) for face in Avatar().faces.tolist()}
    assert all(tuple(sorted(face)) in faces for face in known.vertices.tolist())
    assert known.hits.min() >= 5 and np.median(known.spread) < 3


def test_landmarks_lie_where_they_are_named(known):
    rest, response = known.face
    assert rest[EYES[0], 1] > rest[MOUTH[0], 1] > rest[CHIN, 1]  # y up
    assert (rest[[EYES[0], MOUTH[0], IRISES[0]], 0] < 0).all()  # x to the left
    assert (rest[[EYES[1], MOUTH[1], IRISES[1]], 0] > 0).all()
    jaw = np.linalg.norm(response[ACTIONS.index("jawOpen")], axis=1)
    assert jaw[CHIN] > 10 * jaw[EYES[0]]


def test_mesh_has_the_shape_that_the_landmarks_show(known):
    instrument = load_instrument()
    _, aligned = align(known.face[0][None], instrument.reference, instrument.stillness)
    assert np.median(np.linalg.norm(aligned[0] - instrument.reference, axis=1)) < 5  # mm


def test_the_nearest_triangle_that_faces_the_camera_is_met():
    near = np.array([[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]])
    away = near[::-1] + np.array([0, 0, 1])
    corners = np.stack([near - [0, 0, 1], near, away])  # behind, in front, and one with its back to the camera
    met = face_correspondence._met(
        np.array([[50.0, 50.0], [1.0, 1.0]]), corners, Camera((0, 0, 5), (0, 0, 0), 40, 100, 100)
    )
    assert [(point, triangle) for point, triangle, _ in met] == [(0, 1)]
    assert met[0][2] == pytest.approx([0.25, 0.25, 0.5])


def test_it_is_the_one_that_this_environment_would_make(known):
    assert known.made == made_with(face_correspondence.SEED)


def test_reprojection_fills_the_face_box_and_opens_the_mouth(known):
    features = np.zeros((3, OPEN_FACE.features))
    features[1, OPEN_FACE.groups["jaw"][0]] = 1
    features[2] = np.nan
    boxes = np.tile([100.0, 50.0, 160.0, 130.0], (3, 1))
    points = reproject(features, boxes, known)
    assert points[0, :, 1].min() == pytest.approx(50) and points[0, :, 1].max() == pytest.approx(130)
    assert np.isnan(points[2]).all()
    upper, lower = 0, 17  # outer edges of the lips
    closed, opened = (frame[lower, 1] - frame[upper, 1] for frame in points[:2])
    assert opened > 1.3 * closed
    assert points[0, EYES[0], 0] < 130 < points[0, EYES[1], 0]  # the person's right is on the picture's left
