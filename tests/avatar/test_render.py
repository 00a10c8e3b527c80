import numpy as np
import pytest
import torch

from nonverbal.avatar.dress import Person
from nonverbal.avatar.look import Look
from nonverbal.avatar.model import ACTIONS
from nonverbal.avatar.render import Camera, Canvas, Mesh, Normals, Surface
from nonverbal.layouts import BODY_FEATURES

CAMERA = Camera((0.0, 0.0, 2.0), (0.0, 0.0, 0.0), 40.0, 160, 120)


def card(z, colour, size=0.2):
    """A square that faces the camera."""
    corners = size * np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) + [0, 0, z]
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    mesh = Mesh(faces, np.tile(np.array(colour, np.float32), (4, 1)), np.zeros(4, np.float32))
    return Surface(mesh, corners, Normals(faces, 4)(corners))


def test_a_point_is_drawn_where_the_camera_projects_it():
    off = card(0.0, (1, 1, 1), size=0.05)
    off = Surface(off.mesh, off.vertices + np.array([0.3, 0.2, 0.0]), off.normals)
    picture = Canvas(CAMERA, [], sky=(0, 0, 0)).draw([off])
    rows, columns = np.nonzero(picture.sum(axis=2) > 100)
    (x, y), depth = CAMERA.project(np.array([0.3, 0.2, 0.0]))
    assert depth == pytest.approx(2.0)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((x, y), abs=1.0)
    assert x > 80 and y < 60  # right of and above the middle


def test_the_nearer_surface_hides_the_farther_in_any_order():
    red, green = card(0.0, (1, 0, 0)), card(0.5, (0, 1, 0), size=0.1)
    canvas = Canvas(CAMERA, [])
    one, other = canvas.draw([red, green]), canvas.draw([green, red])
    assert np.array_equal(one, other)
    assert one[60, 80, 1] > 100 > one[60, 80, 0]


def test_drawing_leaves_the_background_as_it_was():
    canvas = Canvas(CAMERA, [card(-0.5, (0, 0, 1))])
    before = canvas.draw([])
    canvas.draw([card(0.0, (1, 0, 0))])
    assert np.array_equal(canvas.draw([]), before)


@pytest.fixture(scope="module")
def person():
    return Person(Look())


def test_what_is_drawn_moves_with_the_body(person):
    """The drawn surface stays near the body's, in the T-pose and with raised arms and an open jaw."""
    features, actions = torch.zeros(2, BODY_FEATURES), torch.zeros(2, len(ACTIONS))
    features[1, 3 * 16 + 2], actions[1, ACTIONS.index("jawOpen")] = 0.8, 1.0
    bodies, _ = person.pose(features, actions)
    for body in bodies:
        surface = person.surface(body)
        assert np.isfinite(surface.vertices).all()
        inside = person.sums @ body
        assert np.linalg.norm(surface.vertices - inside, axis=1).max() < 0.03
        assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-4)
    assert np.abs(bodies[1] - bodies[0]).max() > 0.3


def test_a_detector_finds_the_drawn_face(person):
    detection = pytest.importorskip("mediapipe.python.solutions.face_detection")
    body, joints = person.pose(torch.zeros(1, BODY_FEATURES), torch.zeros(1, len(ACTIONS)))
    head = joints[0, 15]
    camera = Camera((0.0, float(head[1]), 2.0), (0.0, float(head[1]), 0.0), 30.0, 480, 360)
    picture = Canvas(camera, [], sky=(0.5, 0.55, 0.5)).draw([person.surface(body[0])])
    with detection.FaceDetection(model_selection=1, min_detection_confidence=0.3) as detector:
        found = detector.process(picture).detections
    assert found and found[0].score[0] > 0.8
