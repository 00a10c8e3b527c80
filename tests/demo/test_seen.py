import numpy as np
import pytest
import torch

from nonverbal.avatar.dress import Person
from nonverbal.avatar.look import Look
from nonverbal.avatar.render import Camera, Canvas, Mesh, Normals, Surface
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.demo.seen import PARTS, Seen
from nonverbal.layouts import BODY_FEATURES


@pytest.fixture(scope="module")
def seen():
    return Seen(Person(Look()))


def posed(seen, **turns):
    body = np.zeros((1, BODY_FEATURES), np.float32)
    for joint, vector in turns.items():
        body[0, 3 * JOINTS.index(joint) :][:3] = vector
    vertices, joints = seen.person.pose(torch.from_numpy(body), torch.zeros(1, 51))
    return body, vertices[0], joints[0]


def shares(seen, vertices, camera, before=()):
    depth = Canvas(camera, before).draw_with_depth([seen.person.surface(vertices)])[1]
    return seen.shares(vertices, camera, depth)


def board(centre, width, height):
    """An upright board that faces the camera."""
    x, y, z = centre
    corners = np.array([[x + a * width / 2, y + b * height / 2, z] for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    mesh = Mesh(faces, np.ones((4, 3), np.float32), np.zeros(4, np.float32))
    return Surface(mesh, corners.astype(np.float32), Normals(faces, 4)(corners))


def view(target, width=320, height=240):
    return Camera((target[0], target[1], target[2] + 2.5), tuple(target), 40, width, height)


def test_all_is_seen_of_a_person_with_open_arms(seen):
    _, vertices, joints = posed(seen)
    found = shares(seen, vertices, view(joints[JOINTS.index("neck")]))
    assert set(found) == set(PARTS) and min(found.values()) > 0.75  # fingers in a row hide each other
    assert found["face"] > 0.95


def test_what_is_behind_a_board_or_outside_the_picture_is_not_seen(seen):
    _, vertices, joints = posed(seen)
    head, wrist = joints[JOINTS.index("head")], joints[JOINTS.index("left_wrist")]
    front = vertices[seen.person.face].mean(axis=0)
    half = board((front[0] + 0.2, front[1], head[2] + 0.4), 0.4, 0.6)  # its edge is at the middle of the face
    found = shares(seen, vertices, view(joints[JOINTS.index("neck")]), [half])
    assert 0.3 < found["face"] < 0.7 and found["right_hand"] > 0.75
    found = shares(seen, vertices, view(wrist, 120, 240))
    assert found["face"] == 0 and found["left_hand"] > 0.6


def test_turning_away_is_told_in_degrees_from_the_camera(seen):
    body, vertices, _ = posed(seen)
    camera = view(vertices[seen.person.face].mean(axis=0))
    assert seen.turned(seen.ahead(body)[0], vertices, camera) == pytest.approx(0, abs=1)
    body, vertices, _ = posed(seen, neck=(0, 0.5, 0))
    camera = view(vertices[seen.person.face].mean(axis=0))
    assert seen.turned(seen.ahead(body)[0], vertices, camera) == pytest.approx(np.degrees(0.5), abs=1)
    assert seen.turned(-seen.ahead(body)[0], vertices, camera) == pytest.approx(180 - np.degrees(0.5), abs=1)


def test_the_jaw_opens_about_as_far_as_a_jaw_does(seen):
    assert 15 < np.degrees(seen.person.avatar.jaw_angle) < 30
