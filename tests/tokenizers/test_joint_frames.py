import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tokenizer_cases import TINY, TRAINING

from nonverbal.errors import UserError
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, OPEN_FACE, SMPLX_BODY, joined
from nonverbal.schema import read_table, write_table
from nonverbal.tokenizers.evaluate_tokenizer import evaluate_tokenizer
from nonverbal.tokenizers.frames import frames
from nonverbal.tokenizers.joint_frames import joint_frames, overlaps
from nonverbal.tokenizers.motion import Motion
from nonverbal.tokenizers.settings import Evaluation, Frames
from nonverbal.tokenizers.train_tokenizer import train_tokenizer

SPLITS = {"a_000": "train", "b_000": "validation", "c_000": "test"}
BACKENDS = {"face": "open_face", "body": "mediapipe_ik"}


def runs(*rows: tuple[str, int, int, int, int]) -> pd.DataFrame:
    names = ["clip_id", "utterance_id", "first_frame", "frames", "row"]
    return pd.DataFrame(rows, columns=names).assign(speaker=0, split="train")


def test_a_joint_run_is_where_both_parts_are_seen() -> None:
    face = runs(("a", 0, 10, 20, 0), ("a", 1, 40, 10, 20), ("b", 0, 0, 30, 30), ("c", 0, 0, 5, 60))
    body = runs(("a", 0, 15, 30, 0), ("b", 0, 0, 8, 30), ("b", 0, 20, 30, 38), ("c", 0, 5, 5, 68))
    shared, rows = overlaps(face, body)
    columns = ["clip_id", "utterance_id", "first_frame", "frames", "row"]
    assert shared[columns].to_numpy().tolist() == [["a", 0, 15, 15, 0], ["b", 0, 0, 8, 15], ["b", 0, 20, 10, 23]]
    assert rows.tolist() == [[5, 0], [30, 30], [50, 38]]


def test_a_joint_layout_is_both_layouts_one_after_the_other() -> None:
    layout = joined(OPEN_FACE, SMPLX_BODY)
    assert layout.name == "open_face+smplx"
    vector = np.arange(FACE_FEATURES + BODY_FEATURES)
    both = np.concatenate([vector[:FACE_FEATURES][OPEN_FACE.index], vector[FACE_FEATURES:][SMPLX_BODY.index]])
    np.testing.assert_array_equal(vector[layout.index], both)
    assert layout.training_slices()["left_hand"] == slice(51 + 27, 51 + 72)
    assert layout.of_part("face") == (OPEN_FACE, slice(0, 51))
    assert layout.of_part("body") == (SMPLX_BODY, slice(51, None))
    assert OPEN_FACE.of_part("face") == (OPEN_FACE, slice(None))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Paths of the frames of faces, bodies and both: the body is seen 6 frames later and its right hand never."""
    folder = tmp_path_factory.mktemp("both")
    clips = [
        {"clip_id": clip, "video_id": clip[0], "channel_id": clip[0], "group": clip[0], "split": split}
        for clip, split in SPLITS.items()
    ]
    write_table(folder / "split.parquet", "split", clips)
    found = {}
    for part, size, late in (("face", FACE_FEATURES, 0), ("body", BODY_FEATURES, 6)):
        waves = np.sin(np.arange(80)[:, None] / 9 + np.arange(size)).astype(np.float32)
        waves[:, 111:156] = np.nan if part == "body" else waves[:, 111:156]
        rows = [
            {"clip_id": clip, "utterance_id": 0, "speaker": 0, "frame": frame, "valid": frame >= late, "reason": "",
             "confidence": 1.0, "features": waves[frame]}
            for clip in SPLITS for frame in range(80)
        ]  # fmt: skip
        write_table(folder / f"{part}.parquet", part, rows)
        found[part] = {name: folder / f"{part}_{name}" for name in ("frames", "index", "scale")}
        settings = Frames(longest_gap=7, least_std=0.01)
        cues = [folder / f"{part}.parquet"]
        frames(part, cues, folder / "split.parquet", **found[part], settings=settings, backend=BACKENDS[part])
    found["joint"] = {name: folder / f"joint_{name}" for name in ("frames", "index", "scale")}
    parts = {f"{part}_{name}": path for part in BACKENDS for name, path in found[part].items() if name != "frames"}
    joint_frames(found["face"]["frames"], body=found["body"]["frames"], **parts, **found["joint"])
    return found


def test_the_joint_array_holds_what_both_do_in_their_scales(both: dict[str, dict[str, Path]]) -> None:
    face, body, joint = (Motion.load(**both[part]) for part in ("face", "body", "joint"))
    assert joint.index[["clip_id", "first_frame", "frames"]].to_numpy().tolist() == [[clip, 6, 74] for clip in SPLITS]
    for run in joint.index.itertuples():
        seen = joint.read((run.row, run.frames))
        number = run.Index
        np.testing.assert_array_equal(seen[:, :51], face.read((80 * number + 6, 74)))
        np.testing.assert_array_equal(seen[:, 51:], body.read((74 * number, 74)))
    assert json.loads(both["joint"]["scale"].read_text())["backend"] == "open_face+mediapipe_ik"


def test_one_tokenizer_of_both_is_measured_by_part(both: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    groups = {"expression": 1.0, "jaw": 5.0, "upper_body": 1.0, "left_hand": 1.0, "right_hand": 1.0}
    settings = TINY.model_copy(
        update={"losses": TINY.losses.model_copy(update={"groups": groups, "velocity_groups": groups})}
    )
    model = tmp_path / "model.pt"
    training = TRAINING.model_copy(update={"epochs": 40, "checkpoint_s": 60, "window": 16, "learning_rate": 1e-2})
    others = {"history": tmp_path / "history.csv", "events": tmp_path / "events"}
    train_tokenizer(
        "joint", "joint", **both["joint"], model=model, **others, settings=settings, training=training, seed=1
    )
    evaluation = Evaluation(frames=200, body_vertices=50)
    found = {}
    for part in ("face", "body"):
        evaluate_tokenizer(part, "joint", "0", **both["joint"], model=model, metrics=tmp_path / "metrics.json",
                           decoded=tmp_path / "decoded.parquet",
                           settings=evaluation, models=tmp_path, seed=1)  # fmt: skip
        found[part] = json.loads((tmp_path / "metrics.json").read_text())
    assert [found[part]["layout"] for part in found] == ["open_face", "smplx"]
    assert found["face"]["codebook"] == found["body"]["codebook"]
    assert "mse_jaw" in found["face"]["model"] and "mse_left_hand" in found["body"]["model"]
    for one in found.values():
        assert one["model"]["vmse_paper"] < one["constant_mean"]["vmse_paper"]
        assert one["frames"] == 74


def test_faces_and_bodies_never_seen_together_are_told_in_a_sentence(
    both: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    index = read_table(both["body"]["index"], "sequences_index")
    write_table(tmp_path / "index", "sequences_index", index.assign(first_frame=index["first_frame"] + 500))
    outputs = {name: tmp_path / f"joint_{name}" for name in ("frames", "index", "scale")}
    with pytest.raises(UserError, match=r"no frame of the training split shows both .* joint: true"):
        joint_frames(
            *both["face"].values(), both["body"]["frames"], tmp_path / "index", both["body"]["scale"], **outputs
        )
    assert not outputs["frames"].exists()
