from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from views_cases import FIRST

from nonverbal.avatar.skeleton import JOINTS, forward_kinematics
from nonverbal.cues.open_face import INSTRUMENT, TO_AXES, load_instrument
from nonverbal.cues.pose import PoseFinder, from_middle, unknown_points
from nonverbal.layouts import FACE_FEATURES, OPEN_FACE
from nonverbal.media import decode_frames
from nonverbal.views.__main__ import main
from nonverbal.views.avatar import HEIGHT, Panel, Stage, avatar, short
from nonverbal.views.figure import HELD, Screen
from nonverbal.views.found import PALETTE, find
from nonverbal.views.landmarks import ANCHORS, landmarks, project, project_face
from nonverbal.views.motion import motions_of, resting
from nonverbal.views.sheet import sheet


@pytest.fixture
def motion(complete):
    return motions_of(find(complete, "v_000"), 0)[0]


def test_the_video_has_the_utterances_frames_words_and_sound(complete, tmp_path):
    out = tmp_path / "out" / "avatar.mp4"
    avatar(complete, "v_000", 0, out)
    frames = list(decode_frames(out))
    assert len(frames) == 20
    assert frames[0].shape == (HEIGHT + 64, round(320 * HEIGHT / 180 / 2) * 2 + Panel.width, 3)
    assert frames[0][HEIGHT:].max() > 100
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert [path.name for path in out.parent.iterdir()] == ["avatar.mp4"]


def test_a_part_that_is_not_known_is_drawn_grey_and_named(anny, figures, motion):
    screen = Screen(figures, motion)
    vertices = screen.vertices[0]
    known = dict.fromkeys(motion.known, True)
    plain, grey = anny.surface(vertices, known), anny.surface(vertices, known | {"left hand": False})
    changed = np.abs(plain.mesh.colours - grey.mesh.colours).max(axis=1) > 0.05
    hand = anny.shares["left hand"] > 0.9
    assert changed[hand].all() and not changed[anny.shares["left hand"] < 0.01].any()
    assert np.allclose(grey.mesh.colours[hand], HELD, atol=0.06)
    assert np.array_equal(plain.vertices, grey.vertices)


def test_the_avatar_opens_its_mouth_with_the_jaw(figures, motion):
    face = np.zeros((20, FACE_FEATURES), np.float32)
    face[1, OPEN_FACE.groups["jaw"][0]] = 1
    still = replace(
        motion, body=np.tile(resting(), (20, 1)), face=face, face_known=np.tile(motion.face_known[8], (20, 1))
    )
    screen = Screen(figures, still)
    dark = [(screen.draw(frame, (80, 96), (96, 96))[1][60:, :, 1] < 60).sum() for frame in (0, 1)]
    assert dark[1] > dark[0] + 50


def test_box_and_words_are_in_the_speakers_colour(complete, figures):
    stage = Stage(find(complete, "v_000"), 0, figures, marked=False)
    picture = stage.draw(FIRST + 5, np.full((180, 320, 3), 40, np.uint8))
    for area in (picture[:HEIGHT, : stage.source_width], picture[HEIGHT:]):
        assert (area == PALETTE[1]).all(axis=2).any()


def test_joints_lie_on_the_points_that_they_were_seen_at(anny, motion):
    """Pose points made from the kinematics with a known camera, two shots of different size."""
    skeleton = anny.person.avatar
    _, joints = forward_kinematics(torch.from_numpy(motion.joint_rotations()), skeleton.rest_joints)
    tracks = np.repeat([3, 4], 10)
    scale = np.where(tracks == 3, 100.0, 300.0)[:, None, None]
    there = joints.numpy()[..., :2] * (1, -1) * scale + (160, 90)
    pose = np.full((20, 33, 2), np.nan)
    pose[:, list(ANCHORS.values())] = there[:, [JOINTS.index(joint) for joint in ANCHORS]]
    pose[7, :16] = np.nan  # nothing to lay it on
    placed = project(motion, skeleton, pose, tracks)
    known = np.isfinite(placed)
    assert np.allclose(placed[known], there[known], atol=0.01)
    assert not known[7].any() and not known[:, JOINTS.index("left_index2")].any()
    assert known[5, JOINTS.index("head")].all()


def test_the_skeleton_is_drawn_where_the_pose_was_found(complete, anny, monkeypatch):
    size, seen = np.array([320, 180], np.float32), np.array([[200, 60], [280, 60], [195, 100], [285, 100]], np.float32)

    def pose_of(finder, video, sightings):
        points = unknown_points(len(sightings))
        points.size[:], points.visibility[:, 11:15] = size, 1
        points.flat[:, 11:15] = from_middle(seen, tuple(size))
        return points

    monkeypatch.setattr(PoseFinder, "__init__", lambda finder: None)
    monkeypatch.setattr(PoseFinder, "__call__", pose_of)
    found = find(complete, "v_000")
    joints = landmarks(found, motions_of(found, 0)[0], anny.person.avatar).joints[5]
    middle = np.mean(
        [joints[JOINTS.index(f"{side}_{joint}")] for side in ("left", "right") for joint in ("shoulder", "elbow")],
        axis=0,
    )
    assert np.allclose(middle, seen.mean(axis=0), atol=1)


def test_a_sheet_shows_pictures_and_curves(complete, tmp_path):
    sheet(complete, "v_000", 0, tmp_path / "sheet.png")
    import cv2

    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape[1] == 1200 and picture.std() > 30


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["overlay", "R", "v_000", "0", "x.mp4"], "leave out"),
        (["glb", "R", "v_000", "x.glb"], "write its number"),
        (["sheet", "R", "v_000", "0", "x.bvh"], "write a file that ends in .png"),
    ],
)
def test_a_view_that_is_not_to_be_had_is_refused(arguments, said):
    with pytest.raises(Exception, match=said):
        main(arguments)


def test_face_points_lie_where_actions_and_rotation_put_them(motion):
    """Points of a face of another form than the instrument's, seen by a camera that is not told."""
    instrument = load_instrument(INSTRUMENT)
    form = instrument.reference * (1.1, 0.9, 1.0)
    turns = Rotation.from_rotvec(motion.face[:, slice(*OPEN_FACE.groups["global"])]).as_matrix()
    shapes = form + np.einsum("ta,api->tpi", motion.actions, instrument.response)
    scale = np.linspace(0.8, 1.2, 20)[:, None, None]
    mesh = (scale * np.einsum("tij,tpj->tpi", turns, shapes)) * TO_AXES + (200, 100, 0)
    placed = project_face(motion, mesh)
    known = motion.known["face"]
    assert np.abs(placed[known] - mesh[known, :, :2]).max() < 0.5 and not np.isfinite(placed[~known]).any()
    other = replace(motion, face=np.where(np.arange(156) == 53, 1.0, motion.face))  # another jaw than was seen
    assert np.abs(project_face(other, mesh)[known] - mesh[known, :, :2]).max() > 2


def test_both_sides_are_named_as_one():
    assert short(["head", "left arm", "right arm", "left hand", "face"]) == ["head", "arms", "left hand", "face"]
