import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.model import Avatar
from nonverbal.avatar.skeleton import JOINTS, PARENTS, forward_kinematics, joint_rotations
from nonverbal.cues.body import MediapipeIk, body, head_rotations
from nonverbal.cues.body_response import INSTRUMENT
from nonverbal.cues.frames import FACE, PERSON, sightings
from nonverbal.cues.inverse_kinematics import DOWN, FLAT, OUT, body_features, forearm_twist, frame, swing
from nonverbal.cues.pose import Points, hand_box, unknown_points
from nonverbal.cues.settings import Body, MediapipeIkSettings, OsxSettings
from nonverbal.layouts import BODY_FEATURES, HAND_JOINTS, SMPLX_BODY
from nonverbal.media import VideoWriter
from nonverbal.schema import read_table, write_table

OSX = OsxSettings(checkout=None, python=None, least_px=32, batch=16, timeout_s=60)
IK = MediapipeIkSettings(
    arm_seen=0.9, margin=0.1, hand_score=0.8, hand_inside=0.8, wrist_apart=0.15, doubt=2, steps=8, outlier=3
)
SETTINGS = Body(backend="mediapipe_ik", mediapipe_ik=IK, osx=OSX)
POSE = {"shoulder": (11, 12), "elbow": (13, 14), "wrist": (15, 16), "hip": (23, 24)}
HAND = {
    "wrist": 0,
    **{f"{f}{i}": 4 * n + i for n, f in enumerate(("thumb", "index", "middle", "ring", "pinky")) for i in (1, 2, 3)},
}


@pytest.fixture(scope="module")
def rest():
    return Avatar().rest_joints


def gestures(frames, seed):
    """Body features of a person who bends elbows, turns forearms, moves head, wrists and fingers."""
    generator, body = np.random.default_rng(seed), np.zeros((frames, BODY_FEATURES))

    def put(joint, rotation):
        body[:, 3 * JOINTS.index(joint) : 3 * JOINTS.index(joint) + 3] = rotation.as_rotvec()

    def turn(axis, low, high):
        return Rotation.from_rotvec(generator.uniform(low, high, frames)[:, None] * np.array(axis))

    put("root", Rotation.from_rotvec(generator.normal(scale=0.2, size=(frames, 3))))
    put("head", Rotation.from_rotvec(generator.normal(scale=0.2, size=(frames, 3))))
    for side, sign in (("left", 1), ("right", -1)):
        put(f"{side}_shoulder", Rotation.from_rotvec(generator.normal(scale=0.6, size=(frames, 3))))
        put(f"{side}_elbow", turn((0, -sign, 0), 0.5, 2.2) * turn((1, 0, 0), -2.5, 1.2))
        put(f"{side}_wrist", turn((0, 0, -sign), -0.6, 0.6) * turn((0, 1, 0), -0.2, 0.2))
        for joint in HAND_JOINTS:
            put(f"{side}_{joint}", turn(np.cross(FLAT[joint[:-1]][int(joint[-1]) - 1] * (sign, 1, 1), DOWN), 0, 1.2))
    return body


def observe(body, rest):
    """The points that perfect detectors would give for a body, a camera at its front."""
    features = torch.from_numpy(body).float()
    rotations, joints = (x.numpy() for x in forward_kinematics(joint_rotations(features), rest))
    points = unknown_points(len(body))
    for name, numbers in POSE.items():
        for side, number in zip(("left", "right"), numbers, strict=True):
            points.pose[:, number] = joints[:, JOINTS.index(f"{side}_{name}")]
    points.flat[:] = points.pose[..., :2] * 400 + 300
    points.visibility[:] = 1
    for side, name in enumerate(("left", "right")):
        for joint, number in HAND.items():
            points.hands[:, side, number] = joints[:, JOINTS.index(f"{name}_{joint}")]
        for finger in FLAT:  # the tip, along the last bone
            bone = FLAT[finger][2] * (OUT[name][0], 1, 1) * 0.02
            last = JOINTS.index(f"{name}_{finger}3")
            points.hands[:, side, HAND[f"{finger}3"] + 1] = joints[:, last] + rotations[:, last] @ bone
    return points, Rotation.from_matrix(rotations[:, JOINTS.index("head")]).as_rotvec()


def degrees_off(found, true, joint):
    part = slice(3 * JOINTS.index(joint), 3 * JOINTS.index(joint) + 3)
    return np.degrees((Rotation.from_rotvec(found[:, part]).inv() * Rotation.from_rotvec(true[:, part])).magnitude())


@pytest.mark.parametrize("seed", range(3))
def test_rotations_come_back_from_the_joints_they_place(rest, seed):
    true = gestures(40, seed)
    points, head = observe(true, rest)
    found = body_features(points, head, np.arange(40))
    # The trunk's axes are those of shoulders and hips, 2 degrees from the root's; all that hangs on it shares that.
    for joint in ("root", "head", "left_shoulder", "right_shoulder"):
        assert degrees_off(found, true, joint).max() < 4, joint
    # Flexion after deviation is nearly, not quite, a swing; what is left of it goes to the forearm.
    for joint in ("left_elbow", "right_elbow", "left_wrist", "right_wrist"):
        assert degrees_off(found, true, joint).max() < 6, joint
    for side in ("left", "right"):
        for joint in HAND_JOINTS:
            assert degrees_off(found, true, f"{side}_{joint}").max() < 8, joint


def test_the_whole_arm_points_where_it_pointed(rest):
    true = gestures(40, 7)
    points, head = observe(true, rest)
    found = np.nan_to_num(body_features(points, head, np.arange(40)))
    joints = [forward_kinematics(joint_rotations(torch.from_numpy(x).float()), rest)[1].numpy() for x in (true, found)]
    ends = [
        JOINTS.index(f"{side}_{name}") for side in ("left", "right") for name in ("elbow", "wrist", "index3", "thumb3")
    ]
    assert np.linalg.norm(joints[0][:, ends] - joints[1][:, ends], axis=-1).max() < 0.05  # metres


def test_what_points_do_not_determine_is_unknown(rest):
    points, head = observe(gestures(5, 0), rest)
    head[1] = np.nan
    points.visibility[2, 15] = 0.1  # left wrist hidden
    points.hands[3, 1] = np.nan  # right hand not found
    points.visibility[4, 11] = 0.1  # left shoulder hidden: no trunk to refer to
    found = body_features(points, head, np.zeros(5, int))
    known = {joint: np.isfinite(found[:, 3 * JOINTS.index(joint)]) for joint in JOINTS}
    for joint in ("neck", "spine3", "left_hip", "right_foot", "left_collar", "right_collar"):
        assert not known[joint].any(), joint
    assert np.isnan(found[:, SMPLX_BODY.groups["jaw"][0] :]).all()
    assert known["head"].tolist() == [True, False, True, True, False]
    assert known["left_shoulder"].tolist() == [True, True, False, True, False]
    assert known["right_elbow"].tolist() == [True] * 5  # its twist is carried from the frame before
    assert known["right_wrist"].tolist() == known["right_index1"].tolist() == [True, True, True, False, True]
    assert not known["root"][4]


def test_a_flipped_hand_is_unknown_and_its_forearm_keeps_the_twist(rest):
    true = np.repeat(gestures(1, 3), 60, axis=0)
    points, head = observe(true, rest)
    points.hands[20:26, 0] = 2 * points.hands[20:26, 0, :1] - points.hands[20:26, 0]  # turned about: palm for back
    points.hands[20:26, 0, :, 1] *= -1
    clean = body_features(observe(true, rest)[0], head, np.zeros(60, int))
    found = body_features(points, head, np.zeros(60, int))
    wrist = 3 * JOINTS.index("left_wrist")
    flipped = np.isnan(found[:, wrist])
    assert set(np.flatnonzero(flipped)) <= set(range(20, 26))
    assert degrees_off(found[flipped], clean[flipped], "left_elbow").max(initial=0) < 1


def test_twist_is_carried_half_a_second_and_not_over_cuts():
    frames = 40
    bent = np.repeat(
        (Rotation.from_rotvec([-1.0, 0, 0]) * Rotation.from_rotvec([0, 0.2, 0.4])).as_matrix()[None], frames, 0
    )
    bent[5:] = np.nan
    seen, complete = forearm_twist(bent, np.zeros(frames, int))
    assert seen[:5] == pytest.approx(-1.0) and np.isnan(seen[5:]).all()
    assert np.flatnonzero(np.isfinite(complete)).tolist() == list(range(5 + 12))
    assert complete[:17] == pytest.approx(-1.0)
    _, cut = forearm_twist(bent, (np.arange(frames) > 7).astype(int))
    assert np.flatnonzero(np.isfinite(cut)).tolist() == list(range(8))


def test_flat_hand_is_the_open_bodys(rest):
    for finger, bones in FLAT.items():
        for i in (1, 2):
            first, second = (rest[JOINTS.index(f"left_{finger}{k}")].numpy() for k in (i, i + 1))
            bone = (second - first) / np.linalg.norm(second - first)
            assert bones[i - 1] == pytest.approx(bone, abs=0.02), finger


def test_swing_is_the_smallest_rotation():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 50, 3))
    turned = (swing(a, b) @ a[..., None])[..., 0]
    assert np.cross(turned, b) == pytest.approx(0, abs=1e-9) and ((turned * b).sum(1) > 0).all()
    axes = frame(a, b)
    assert np.swapaxes(axes, 1, 2) @ axes == pytest.approx(np.tile(np.eye(3), (50, 1, 1)), abs=1e-9)


def test_hand_is_looked_for_about_its_knuckles():
    flat = np.zeros((33, 2))
    flat[[11, 12, 15, 17, 19]] = [100, 0], [0, 0], [50, 100], [60, 110], [60, 120]
    x0, y0, x1, y1 = hand_box(flat, 0)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == (60, 115) and x1 - x0 == y1 - y0 == pytest.approx(130)


def one_clip(tmp_path, video, boxes):
    """Tables of a clip whose one speaker is in these boxes, a row a frame."""
    crops = pd.DataFrame(
        {"clip_id": "a_000", "utterance_id": 0, "speaker": 0, "frame": range(len(boxes)), "track_id": 0, "score": 1.0}
    )
    crops[FACE], crops[PERSON] = boxes, boxes
    write_table(tmp_path / "crops.parquet", "crops", crops)
    write_table(
        tmp_path / "keep_visible.parquet",
        "keep_visible",
        [{"clip_id": "a_000", "kept": True, "reason": "", "detail": ""}],
    )
    write_table(tmp_path / "clips.parquet", "clips", [{
        "clip_id": "a_000", "video_id": "a", "channel_id": "c", "segment_id": 0, "start_s": 0.0,
        "end_s": len(boxes) / 25, "frames": len(boxes), "width": 64, "height": 64, "video": video, "audio": "",
        "loudness_dbfs": -20.0, "kept": True, "reason": "", "detail": "",
    }])  # fmt: skip
    return crops


def test_nobody_found_is_not_valid_and_never_zero(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 64, 64) as video:
        for _ in range(3):
            video.write(np.full((64, 64, 3), 90, np.uint8))
    crops = one_clip(tmp_path, "a.mp4", np.tile(np.float32([4, 4, 60, 60]), (4, 1)))  # one frame more than there is
    faces = crops[["clip_id", "utterance_id", "speaker", "frame"]].assign(valid=False)
    faces["reason"], faces["confidence"] = "not_found", np.float32(0)
    faces["features"] = [np.full(156, np.nan, np.float32)] * 4
    write_table(tmp_path / "face.parquet", "face", faces)
    names = ("clips", "keep_visible", "crops", "face")
    body(**{n: tmp_path / f"{n}.parquet" for n in names}, media=tmp_path, instrument=INSTRUMENT, models=[],
         body=tmp_path / "body.parquet", settings=SETTINGS)  # fmt: skip
    rows = read_table(tmp_path / "body.parquet", "body")
    assert rows["frame"].tolist() == [0, 1, 2, 3]
    assert not rows["valid"].any() and (rows["confidence"] == 0).all()
    assert np.isnan(np.stack(rows["features"])).all()


def test_head_comes_from_the_face_of_the_same_crop():
    crops = pd.DataFrame({"speaker": [0, 0, 1], "track_id": [5, 5, 6], "frame": [2, 1, 1]})
    crops[FACE], crops[PERSON] = 0.0, 0.0
    features = np.full((3, 156), np.nan)
    features[:, 50:53] = [[2, 2, 2], [1, 1, 1], [np.nan] * 3]
    head = head_rotations(crops, pd.DataFrame({"features": list(features)}), sightings(crops))
    assert head[:, 0].tolist()[::2] == [1.0, 2.0] and np.isnan(head[1]).all()


def test_real_people_have_bodies(shared_media, tmp_path):
    backend, frames = MediapipeIk(IK, INSTRUMENT), 12
    seen = pd.DataFrame({"speaker": 0, "track_id": 0, "frame": np.arange(frames)})
    seen[FACE], seen[PERSON] = 0.0, np.tile([0.0, 0.0, 480.0, 640.0], (frames, 1))
    features, sure = backend(shared_media / "torso_no_face_23s.mp4", seen, np.full((frames, 3), np.nan))
    assert features.shape == (frames, BODY_FEATURES) and ((sure >= 0) & (sure <= 1)).all()
    assert np.isnan(features[:, 3 * JOINTS.index("head")]).all()
    assert len(PARENTS) == len(JOINTS) and isinstance(unknown_points(1), Points)
