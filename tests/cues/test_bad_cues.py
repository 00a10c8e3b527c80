"""Face, body and smoothing on clips that nobody wants, through their real tables: masks, nothing made up, no crash."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy.spatial.transform import Rotation

from nonverbal import models
from nonverbal.avatar.render import Camera, Canvas
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.config import Config
from nonverbal.cues.body import body
from nonverbal.cues.body_response import INSTRUMENT as BODY_INSTRUMENT
from nonverbal.cues.face import face
from nonverbal.cues.frames import FACE, PERSON
from nonverbal.cues.open_face import INSTRUMENT as FACE_INSTRUMENT
from nonverbal.cues.smooth import smooth
from nonverbal.cues.strangers import random_person
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, OPEN_FACE, OPEN_FACE_ACTIONS, OPEN_JAW_ACTIONS
from nonverbal.media import VideoWriter
from nonverbal.schema import CUE_REASONS, read_table, write_table
from nonverbal.speakers.boxes import clipped, person_boxes

SEAT, HEIGHT = 240, 240  # pixels of one person's half of the picture
CUES = Config.model_validate(yaml.safe_load((models.REGISTRY.parents[1] / "config.yaml").read_text())).cues
ACTIONS = OPEN_FACE_ACTIONS + OPEN_JAW_ACTIONS
FRAMES = 16


def frames_of(person, frames, aside=0.0, yaw=0.0, jaw=0.0):
    """Pictures [N, HEIGHT, SEAT, 3] of a person with hanging arms, and true face boxes [N, 4]; numbers or [N]."""
    features, actions = np.zeros((frames, BODY_FEATURES)), np.zeros((frames, len(ACTIONS)))
    for side, sign in (("left", 1), ("right", -1)):
        shoulder, elbow = (3 * JOINTS.index(f"{side}_{joint}") for joint in ("shoulder", "elbow"))
        features[:, shoulder : shoulder + 3] = [0, 0, -1.2 * sign]
        features[:, elbow : elbow + 3] = [0, -1.5 * sign, 0]
    head = 3 * JOINTS.index("head")
    features[:, head + 1] = yaw
    actions[:, ACTIONS.index("jawOpen")] = jaw
    surfaces, joints = person.pose(torch.from_numpy(features).float(), torch.from_numpy(actions).float())
    high = float(joints[0, head // 3, 1])
    camera = Camera((0, high, 1.3), (0, high - 0.12, 0), 42, SEAT, HEIGHT)
    surfaces = surfaces + np.broadcast_to(np.asarray(aside, np.float32), frames)[:, None, None] * [[[1.0, 0, 0]]]
    canvas = Canvas(camera, [], (0.35, 0.38, 0.45))
    pixels = camera.project(surfaces[:, person.face])[0]
    boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    return np.stack([canvas.draw([person.surface(surface)]) for surface in surfaces.astype(np.float32)]), boxes


def rows_of(clip, boxes, width, speaker=0, track=0, frames=None):
    """Rows of crops: a person in face boxes [N, 4]."""
    frames, tracks = np.arange(len(boxes)) if frames is None else frames, np.full(len(boxes), track)
    rows = pd.DataFrame({"clip_id": clip, "utterance_id": speaker, "speaker": speaker, "frame": frames, "score": 1.0})
    rows["track_id"] = tracks
    rows[FACE] = clipped(boxes, width, HEIGHT)
    rows[PERSON] = person_boxes(rows[FACE].to_numpy(), tracks, np.asarray(frames), width, HEIGHT)
    return rows


class Stage:
    """Clips on a disk, and the stage run on them."""

    def __init__(self, folder):
        self.folder, self.clips, self.crops = folder, [], []

    def add(self, clip, pictures, *rows):
        height, width = pictures.shape[1:3]
        with VideoWriter(self.folder / f"{clip}.mp4", width, height) as video:
            for picture in pictures:
                video.write(picture)
        self.clips.append({
            "clip_id": clip, "video_id": clip, "channel_id": "c", "segment_id": 0, "start_s": 0.0,
            "end_s": len(pictures) / 25, "frames": len(pictures), "width": width, "height": height,
            "video": f"{clip}.mp4", "audio": "", "loudness_dbfs": -20.0, "kept": True, "reason": "", "detail": "",
        })  # fmt: skip
        self.crops += rows

    def run(self):
        """Tables face and body, before and after smoothing, by name and clip."""
        files = {name: self.folder / f"{name}.parquet" for name in ("clips", "keep_visible", "crops", "face", "body")}
        write_table(files["clips"], "clips", self.clips)
        kept = [{"clip_id": row["clip_id"], "kept": True, "reason": "", "detail": ""} for row in self.clips]
        write_table(files["keep_visible"], "keep_visible", kept)
        write_table(files["crops"], "crops", pd.concat(self.crops, ignore_index=True))
        inputs = {name: files[name] for name in ("clips", "keep_visible", "crops")}
        inputs |= {"media": self.folder, "models": []}
        face(**inputs, instrument=FACE_INSTRUMENT, face=files["face"], settings=CUES.face)
        body(**inputs, face=files["face"], instrument=BODY_INSTRUMENT, body=files["body"], settings=CUES.body)
        smoothed = {name: self.folder / f"smooth_{name}.parquet" for name in ("face", "body")}
        smooth(
            files["keep_visible"], files["face"], files["body"], **smoothed, quality=self.folder / "quality.parquet",
            settings=CUES.smooth,
        )  # fmt: skip
        tables = {name: read_table(files[name], name) for name in smoothed}
        return tables | {f"smooth_{name}": read_table(path, name) for name, path in smoothed.items()}


@pytest.fixture(scope="module")
def people():
    return [random_person(np.random.default_rng(seed)) for seed in (0, 1)]


@pytest.fixture(scope="module")
def found(people, tmp_path_factory):
    """All tables of all bad clips, from one run of each rule."""
    stage, person = Stage(tmp_path_factory.mktemp("bad")), people[0]
    pictures, boxes = frames_of(person, FRAMES, jaw=np.linspace(0, 1, FRAMES))
    stage.add("good", pictures, rows_of("good", boxes, SEAT))
    out, out_boxes = frames_of(person, FRAMES, aside=np.linspace(0, 1.2, FRAMES))
    stage.add("leaves", out, rows_of("leaves", out_boxes, SEAT))
    side, side_boxes = frames_of(person, FRAMES, yaw=np.linspace(0, 1.6, FRAMES))
    stage.add("profile", side, rows_of("profile", side_boxes, SEAT))
    small = np.stack([far_away(picture) for picture in pictures])
    stage.add("tiny", small, rows_of("tiny", np.tile([100.0, 100.0, 112.0, 112.0], (FRAMES, 1)), SEAT))
    gap = pictures * ((np.arange(FRAMES) < 6) | (np.arange(FRAMES) > 9))[:, None, None, None].astype(np.uint8)
    stage.add("gap", gap, rows_of("gap", boxes, SEAT))
    stage.add("black", np.zeros_like(pictures), rows_of("black", boxes, SEAT))
    stage.add("single", pictures[:1], rows_of("single", boxes[:1], SEAT))
    stage.add("nobody", pictures[:2])
    stage.add("short", pictures[:4], rows_of("short", boxes[:8], SEAT))
    other, other_boxes = frames_of(people[1], FRAMES)
    half, aside = FRAMES // 2, np.array([SEAT, 0, SEAT, 0])
    before, after = np.concatenate([pictures, other], axis=2), np.concatenate([other, pictures], axis=2)
    both = np.concatenate([before[:half], after[half:]])
    early, late = np.arange(half), np.arange(half, FRAMES)
    first = [
        rows_of("swap", boxes[early], 2 * SEAT, 0, 0, early),
        rows_of("swap", boxes[late] + aside, 2 * SEAT, 0, 2, late),
    ]
    second = [
        rows_of("swap", other_boxes[early] + aside, 2 * SEAT, 1, 1, early),
        rows_of("swap", other_boxes[late], 2 * SEAT, 1, 3, late),
    ]
    stage.add("swap", both, *first, *second)
    stage.add("swap_alone", both, *(rows.assign(clip_id="swap_alone") for rows in first))
    return stage.run()


def far_away(picture):
    """The picture, 12 pixels large, in the middle of a still one."""
    import cv2

    out = np.full_like(picture, 90)
    out[100:112, 100:112] = cv2.resize(picture[20:140, 60:180], (12, 12), interpolation=cv2.INTER_AREA)
    return out


def of(table, clip, speaker=0):
    return table[(table["clip_id"] == clip) & (table["speaker"] == speaker)].sort_values("frame", ignore_index=True)


def features(rows):
    return np.stack(rows["features"].tolist())


@pytest.mark.parametrize("name", ["face", "body", "smooth_face", "smooth_body"])
def test_every_crop_has_a_row_and_every_row_is_known_or_masked(found, name):
    table = found[name]
    assert table.groupby("clip_id").size().to_dict() == {
        "good": 16, "leaves": 16, "profile": 16, "tiny": 16, "gap": 16, "black": 16, "single": 1, "short": 8,
        "swap": 32, "swap_alone": 16,
    }  # fmt: skip
    values = features(table)
    known = np.isfinite(values)
    assert not np.isinf(values).any()
    assert (known.any(axis=1) == table["valid"]).all()
    assert ((table["reason"] == "") == table["valid"]).all() and set(table["reason"]) <= set(CUE_REASONS)
    sure = table["confidence"]
    assert sure.between(0, 1).all() and (sure[~table["valid"]] == 0).all() and (sure[table["valid"]] > 0).all()
    rotations = slice(*OPEN_FACE.groups["global"]) if "face" in name else slice(0, 156)
    joints = known[:, rotations].reshape(len(table), -1, 3)
    assert (joints.all(axis=2) == joints.any(axis=2)).all()  # never a part of a rotation
    assert (np.abs(values[:, rotations][known[:, rotations]]) < 4 * np.pi).all()


def test_a_good_clip_is_known(found):
    assert of(found["face"], "good")["valid"].all() and of(found["body"], "good")["valid"].all()
    jaw = features(of(found["face"], "good"))[:, OPEN_FACE.groups["jaw"][0]]
    assert np.corrcoef(jaw, np.linspace(0, 1, FRAMES))[0, 1] > 0.8
    assert np.isfinite(features(of(found["body"], "good"))[:, 3 * JOINTS.index("head")]).all()


@pytest.mark.parametrize("clip", ["black", "tiny"])
def test_nothing_to_see_is_unknown(found, clip):
    for name in ("face", "body"):
        assert (of(found[name], clip)["reason"] == "not_found").all(), name


def test_black_frames_in_between_are_not_filled(found):
    for name in ("face", "body", "smooth_face", "smooth_body"):
        assert of(found[name], "gap")["valid"].tolist() == [True] * 6 + [False] * 4 + [True] * 6, name


def test_who_left_is_unknown(found):
    assert of(found["face"], "leaves")["valid"][:4].all()
    for name in ("face", "body"):
        assert not of(found[name], "leaves")["valid"][-4:].any(), name


def test_frames_past_the_end_are_unknown(found):
    for name in ("face", "body"):
        assert of(found[name], "short")["valid"].tolist() == [True] * 4 + [False] * 4


def test_a_single_frame_is_enough(found):
    for name in ("face", "body", "smooth_face", "smooth_body"):
        assert of(found[name], "single")["valid"].all(), name


def test_a_profile_is_turned_or_unknown(found):
    """Where the head is beyond 70 degrees, what is called known is turned, and less sure than the front."""
    rows, true = of(found["face"], "profile"), np.linspace(0, 1.6, FRAMES)
    values = features(rows)[:, slice(*OPEN_FACE.groups["global"])]
    valid = rows["valid"].to_numpy()
    assert valid[:6].all()
    turned = Rotation.from_rotvec(true[valid, None] * [0, 1, 0])
    assert np.degrees((Rotation.from_rotvec(values[valid]).inv() * turned).magnitude()).max() < 35
    far = valid & (true > 1.2)
    assert not far.any() or rows["confidence"][far].mean() < rows["confidence"][:6].mean()


@pytest.mark.parametrize("name", ["face", "body", "smooth_face", "smooth_body"])
def test_nobody_gets_the_others_numbers_when_they_swap_seats(found, name):
    together, alone = of(found[name], "swap"), of(found[name], "swap_alone")
    assert together["valid"].tolist() == alone["valid"].tolist()
    assert features(together) == pytest.approx(features(alone), abs=1e-3, nan_ok=True)


def test_each_keeps_their_face_across_the_swap(found):
    jaw = OPEN_FACE.groups["jaw"][0]
    mine, others = (features(of(found["face"], "swap", speaker))[:, jaw] for speaker in (0, 1))
    assert np.corrcoef(mine, np.linspace(0, 1, FRAMES))[0, 1] > 0.8 and np.nanmax(others) < 0.3


def test_vectors_are_whole(found):
    for name, length in {"face": FACE_FEATURES, "body": BODY_FEATURES}.items():
        assert features(found[name]).shape[1] == features(found[f"smooth_{name}"]).shape[1] == length
