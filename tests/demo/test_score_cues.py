"""One mistake of the cues at a time: each must cost exactly the score that it should."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.transform import Rotation
from truth_cases import PICTURES, value

from nonverbal.demo.true_cues import joint_positions
from nonverbal.demo.truth_files import FRAMES, read_truth, write_truth
from nonverbal.layouts import BODY_FEATURES, JOINTS, OPEN_FACE


def test_constant_cues_are_no_better_than_the_mean(run):
    face = np.stack(run.tables["face"]["features"].to_list())
    run.tables["face"]["features"] = list(np.tile(face.mean(0), (len(face), 1)).astype(np.float32))
    run.tables["body"]["features"] = [np.zeros(BODY_FEATURES, np.float32)] * len(face)
    table = run.score()
    row = table.loc["all facial actions: mean absolute error"]
    assert float(row["value"]) == pytest.approx(float(row["baseline"]), rel=1e-3)
    assert value(table, "jawOpen: correlation") == pytest.approx(0, abs=1e-3)
    assert value(table, "head: mean angle") > 0.95 * float(table.loc["head: mean angle", "baseline"])


def test_actions_the_backend_does_not_know_count_nowhere(run):
    face = np.stack(run.tables["face"]["features"].to_list())
    face[:, OPEN_FACE.index[OPEN_FACE.labels.index("tongueOut")]] = np.nan
    run.tables["face"]["features"] = list(face)
    table = run.score()
    assert value(table, "all facial actions: mean absolute error") == pytest.approx(0, abs=1e-6)
    assert table.loc["tongueOut: correlation", ["value", "reached"]].tolist() == ["not available", "no"]


def test_a_constant_offset_is_told_from_motion(run):
    body = np.stack(run.tables["body"]["features"].to_list())
    elbow = slice(54, 57)
    turned = Rotation.from_rotvec([0.5, 0, 0]) * Rotation.from_rotvec(body[:, elbow])
    body[:, elbow] = turned.as_rotvec()
    run.tables["body"]["features"] = list(body)
    table = run.score()
    assert value(table, "left elbow: mean angle") == pytest.approx(np.degrees(0.5), rel=1e-3)
    assert value(table, "left elbow: mean angle, offset removed") == pytest.approx(0, abs=0.5)


def test_unknown_hands_do_not_count(run):
    body = run.tables["body"]
    unknown = np.where((np.arange(BODY_FEATURES) >= 111) & (np.arange(BODY_FEATURES) < 156), np.nan, 0.0)
    rows = [row + unknown if i % 2 else row for i, row in enumerate(body["features"])]
    body["features"] = [np.asarray(row, np.float32) for row in rows]
    table = run.score()
    right, left = (table.loc[f"{side} hand, 15 joints: mean angle"] for side in ("right", "left"))
    assert right["reached"] == left["reached"] == "yes"
    assert (left["n"], right["n"]) == (len(body), -(-len(body) // 2))


def unseen(run, person, **values):
    """Rewrite the truth: what is seen of a person in all frames of all videos."""
    for key in run.frames:
        folder = run.folder / "truth" / key
        frames = run.frames[key].to_pandas()
        frames.loc[frames["person"] == person, list(values)] = list(values.values())
        write_truth(folder, read_truth(folder), pa.Table.from_pandas(frames, schema=FRAMES, preserve_index=False))


@pytest.mark.parametrize("value_", [{"head_turn": 80.0}, {"face_seen": 0.3}])
def test_a_face_that_could_not_be_seen_is_falsely_called_valid(run, value_):
    unseen(run, 0, **value_)
    table = run.score()
    row, faces = table.loc["face: falsely called valid"], run.tables["face"]
    share = (faces["speaker"] == 1).mean()  # person 0 is called speaker 1
    assert float(row["value"]) == pytest.approx(share, abs=1e-4) == float(row["baseline"]) and row["reached"] == "no"
    assert value(table, "face: called valid where it shows") == 1


def test_what_is_not_called_valid_is_no_mistake_but_is_missed(run):
    unseen(run, 0, left_hand_seen=0.2, left_forearm_seen=0.2)
    body = run.tables["body"]
    unknown = np.zeros(BODY_FEATURES)
    unknown[66:111] = unknown[3 * JOINTS.index("left_elbow") :][:3] = np.nan
    body["features"] = [np.asarray(row + unknown, np.float32) for row in body["features"]]
    table = run.score()
    for part in ("left arm", "left hand"):
        assert value(table, f"{part}: called valid") == value(table, f"{part}: called valid where it shows") == 0
        assert table.loc[f"{part}: falsely called valid", ["value", "n"]].tolist() == ["not available", 0]
    assert value(table, "right hand: falsely called valid") == 0
    assert table.loc["right elbow: mean angle, hand in view", "n"] == len(body)
    assert "left elbow: mean angle, hand out of view" not in table.index


def test_another_persons_face_is_falsely_called_valid(run):
    run.tables["crops"][["face_x0", "face_x1"]] += np.where(run.tables["crops"][["face_x0"]] < 200, 200, -200)
    assert value(run.score(), "face: falsely called valid") == 1


def test_positions_follow_the_arm_and_the_jaw_its_angle(run):
    body = np.stack(run.tables["body"]["features"].to_list())
    elbow = slice(3 * JOINTS.index("left_elbow"), 3 * JOINTS.index("left_elbow") + 3)
    body[:, elbow] = (Rotation.from_rotvec(body[:, elbow]) * Rotation.from_rotvec([0, 0, np.pi])).as_rotvec()
    run.tables["body"]["features"] = list(body)
    jaw = OPEN_FACE.index[OPEN_FACE.labels.index("jawOpen")]
    for features in run.tables["face"]["features"]:
        features[jaw] += 0.1
    table = run.score()
    assert value(table, "left elbow: mean distance") == pytest.approx(0, abs=1e-4)
    assert value(table, "left wrist: mean distance") > 1 > 1e-4 > value(table, "right wrist: mean distance")
    assert np.degrees(0.03) < value(table, "jaw: mean angle") < np.degrees(0.04)


def test_joints_hang_from_the_chest():
    rest = np.cumsum(np.full((len(JOINTS), 3), 0.1), axis=0)
    features = np.zeros((2, BODY_FEATURES))
    features[0, :3], features[1, 3 * JOINTS.index("left_shoulder")] = 1.0, np.nan
    found = joint_positions(features, rest)
    assert found[0] == pytest.approx(rest - rest[JOINTS.index("spine3")])  # how the trunk is turned does not matter
    known = np.isfinite(found[1]).all(axis=1)
    assert known[JOINTS.index("left_shoulder")] and not known[JOINTS.index("left_elbow")]
    assert not known[JOINTS.index("left_index3")] and known[JOINTS.index("right_index3")]


def test_a_corpus_without_what_is_seen_is_scored_without_it(run):
    unseen(run, 0, **dict.fromkeys((name for name in PICTURES if name.endswith(("seen", "turn"))), np.nan))
    unseen_ = run.score()
    assert unseen_.loc["face: falsely called valid", "n"] < len(run.tables["face"])
