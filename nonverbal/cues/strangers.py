"""Films of seated people of random shape, colour and motion, in which every joint's rotation is known.

Poses are spread over what arms, hands and heads of seated people do, wider than talk: what is learnt from them must
hold for anybody. A pose turns into the next within KEY_FRAMES frames; every shot has a camera of its own.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.spatial.transform import Rotation, Slerp

from nonverbal.avatar.dress import Person
from nonverbal.avatar.look import Look
from nonverbal.avatar.render import SUPERSAMPLING, Camera, Canvas, Mesh, Normals, Surface
from nonverbal.avatar.skeleton import JOINTS, PARENTS
from nonverbal.cues.frames import FACE, PERSON
from nonverbal.cues.inverse_kinematics import DOWN, FLAT
from nonverbal.layouts import BODY_FEATURES, HAND_JOINTS
from nonverbal.media import VideoWriter
from nonverbal.speakers.boxes import clipped, person_boxes

WIDTH, HEIGHT = 640, 360
HANDS = len(JOINTS) - 2 * len(HAND_JOINTS)  # JOINTS before the fingers
LIMB_M, FINGER_M = 0.12, 0.06  # before a joint that is seen
KEY_FRAMES = 12
ABOVE_M = 0.22  # from the head joint past the top of the head
PHENOTYPES = {
    "gender": (0, 1), "age": (0.55, 0.85), "weight": (0.3, 0.7), "proportions": (0, 1), "muscle": (0.3, 0.7),
    "height": (0.3, 0.7),
}  # fmt: skip
SKIN, HAIR = np.array([0.83, 0.62, 0.52]), np.array([1.0, 0.7, 0.5])  # scaled at random
# Radians, mean and standard deviation about x, y, z.
TRUNK = {"root": (0.15, 0.30, 0.05), "spine1": (0.05, 0.05, 0.04), "spine3": (0.05, 0.05, 0.04)}
HEAD = np.array([0.16, 0.30, 0.12])
NECK_SHARE = (0.1, 0.6)  # of the head's turn
# Of a left arm, mean and standard deviation: how far the upper arm hangs, swings forward and turns inward; the elbow's
# bend and turn from thumb up (above 0: palm down); flexion and deviation of the wrist; shrug and protraction.
ARM = {
    "down": (1.2, 0.2), "forward": (0.35, 0.25), "inward": (0.3, 0.3), "bend": (1.6, 0.4), "turn": (0.0, 0.6),
    "flex": (0.0, 0.3), "deviate": (0.0, 0.12), "shrug": (0.03, 0.04), "protract": (0.0, 0.04),
}  # fmt: skip
BEND, TURN = (0.2, 2.5), (-1.5, 1.4)  # what an elbow can do
CURL, OWN_CURL, THUMB_CURL = (0.5, 0.3), 0.12, 0.4  # of a hand; each joint's deviation; the thumb's part


class Film(NamedTuple):
    """What is filmed, and the truth of it.

    Args:
        seen: sightings (tables' columns), a row a frame.
        body: body features [N, 179] in camera axes.
        joints: of JOINTS, [N, 52, 3] metres from the camera, in its axes.
        focal: focal length of the frame's camera, pixels, [N].
        in_view: whether each joint is in the picture, see `in_view`, bool [N, 52].
        rest: the person's joints in the T-pose, [52, 3] metres.
    """

    seen: pd.DataFrame
    body: np.ndarray
    joints: np.ndarray
    focal: np.ndarray
    in_view: np.ndarray
    rest: np.ndarray


def random_person(generator: np.random.Generator) -> Person:
    """A person of random shape, skin, hair and clothes."""
    look = {
        "phenotype": {name: generator.uniform(*between) for name, between in PHENOTYPES.items()},
        "skin": np.clip(SKIN * generator.uniform(0.35, 1.12), 0, 1).tolist(),
        "hair": (HAIR * generator.uniform(0.03, 0.3)).tolist(),
        "shirt": generator.uniform(0.1, 0.8, 3).tolist(),
        "long_hair": bool(generator.random() < 0.4),
        "short_sleeves": bool(generator.random() < 0.4),
    }
    return Person(Look.model_validate(look))


def random_motion(generator: np.random.Generator, frames: int) -> np.ndarray:
    """Body features [frames, 179] of somebody who goes from pose to pose."""
    keys = -(-frames // KEY_FRAMES) + 1
    poses, times = random_poses(generator, keys), np.arange(frames) / KEY_FRAMES
    eased = np.floor(times) + (1 - np.cos(np.pi * (times % 1))) / 2
    body = np.zeros((frames, BODY_FEATURES))
    for joint, pose in poses.items():
        first = 3 * JOINTS.index(joint)
        body[:, first : first + 3] = Slerp(np.arange(keys), pose)(eased).as_rotvec()
    return body


def random_poses(generator: np.random.Generator, poses: int) -> dict[str, Rotation]:
    """Joint -> `poses` rotations."""
    out = {joint: Rotation.from_rotvec(generator.normal(size=(poses, 3)) * TRUNK[joint]) for joint in TRUNK}
    turn, share = generator.normal(size=(poses, 3)) * HEAD, generator.uniform(*NECK_SHARE, (poses, 1))
    out |= {"neck": Rotation.from_rotvec(share * turn), "head": Rotation.from_rotvec((1 - share) * turn)}
    for side in ("left", "right"):
        mirror = np.array([1, 1, 1] if side == "left" else [1, -1, -1])
        for joint, rotation in _arm(generator, poses).items():
            out[f"{side}_{joint}"] = Rotation.from_rotvec(rotation.as_rotvec() * mirror)
    return out


def _arm(generator: np.random.Generator, poses: int) -> dict[str, Rotation]:
    """A left arm's rotations."""
    angle = {name: generator.normal(*spread, poses) for name, spread in ARM.items()}
    bend, turn = np.clip(angle["bend"], *BEND), np.clip(angle["turn"], *TURN)
    curl = generator.normal(*CURL, poses)
    arm = {
        "collar": _turn("yz", -angle["protract"], angle["shrug"]),
        "shoulder": _turn("x", -angle["forward"]) * _turn("z", -angle["down"]) * _turn("x", angle["inward"]),
        "elbow": _turn("y", -bend) * _turn("x", turn),
        "wrist": _turn("y", angle["deviate"]) * _turn("z", -angle["flex"]),
    }
    for joint in HAND_JOINTS:
        finger, bone = joint[:-1], int(joint[-1]) - 1
        axis = np.cross(FLAT[finger][bone], DOWN)
        closed = (THUMB_CURL if finger == "thumb" else 1) * (curl + generator.normal(scale=OWN_CURL, size=poses))
        arm[joint] = Rotation.from_rotvec(closed[:, None] * axis / np.linalg.norm(axis))
    return arm


def _turn(axes: str, *angles: np.ndarray) -> Rotation:
    return Rotation.from_euler(axes.upper(), np.stack(angles, axis=-1))


def random_camera(generator: np.random.Generator, head: np.ndarray) -> Camera:
    """A view, from anywhere in front, of a person whose head joint is at `head`; the whole head is in it."""
    width, distance = generator.uniform(1.1, 2.8), generator.uniform(1.5, 4.0)
    height, around = width * HEIGHT / WIDTH, generator.normal(scale=0.3)
    back, right = np.array([np.sin(around), 0, np.cos(around)]), np.array([np.cos(around), 0, -np.sin(around)])
    aside = generator.uniform(-1, 1) * max(width / 2 - 0.45, 0)
    target = head + aside * right + [0, ABOVE_M - generator.uniform(0.25, 0.5) * height, 0]
    eye = target + distance * back + [0, generator.uniform(-0.2, 0.4), 0]
    fov = 2 * np.degrees(np.arctan(height / 2 / distance))
    return Camera(tuple(eye.tolist()), tuple(target.tolist()), float(fov), WIDTH, HEIGHT)


def table(height: float, colour: np.ndarray) -> Surface:
    """A table's top and front before a person at the origin."""
    corners = [(x, y, z) for y, z in ((0, 0.32), (0, 0.95), (-0.7, 0.95)) for x in (-1.5, 1.5)]
    vertices = np.array(corners, np.float32) + np.array([0, height, 0], np.float32)
    faces = np.array([(0, 2, 1), (1, 2, 3), (2, 4, 3), (3, 4, 5)], np.int32)
    mesh = Mesh(faces, np.tile(colour.astype(np.float32), (6, 1)), np.zeros(6, np.float32))
    return Surface(mesh, vertices, Normals(faces, 6)(vertices))


def film(video: Path, generator: np.random.Generator, shots: int, frames: int) -> Film:
    """Film a random person in some shots of so many frames each; writes the video."""
    person, parts, faces, views = random_person(generator), [], [], []
    with VideoWriter(video, WIDTH, HEIGHT) as writer:
        for _ in range(shots):
            body = random_motion(generator, frames)
            vertices, joints = person.pose(torch.from_numpy(body).float(), torch.zeros(frames, 51))
            camera = random_camera(generator, joints[0, JOINTS.index("head")])
            still = [table(generator.uniform(-0.02, 0.2), generator.uniform(0.1, 0.6, 3))]
            canvas = Canvas(camera, still[: generator.integers(2)], tuple(generator.uniform(0.1, 0.7, 3)))
            things = canvas.depth[::SUPERSAMPLING, ::SUPERSAMPLING]
            for moment, places in zip(vertices, joints, strict=True):
                picture, depth = canvas.draw_with_depth([person.surface(moment)])
                writer.write(picture)
                views.append(in_view(camera, things, depth[::SUPERSAMPLING, ::SUPERSAMPLING], places))
            pixels = camera.project(vertices[:, person.face])[0]
            faces.append(np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1))
            view = camera.world_to_camera
            focal = np.full(frames, camera.height / 2 / np.tan(np.radians(camera.fov_deg) / 2))
            parts.append((in_camera(body, camera), joints @ view[:3, :3].T + view[:3, 3], focal))
    bodies, places, focals = (np.concatenate(column) for column in zip(*parts, strict=True))
    seen = sightings_of(np.concatenate(faces), np.repeat(np.arange(shots), frames))
    return Film(seen, bodies, places, focals, np.stack(views), person.avatar.rest_joints.numpy())


def in_view(camera: Camera, things: np.ndarray, everything: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Whether joints [J, 3] are in a picture and less than their limb's width behind what is before them, bool [J].

    Args:
        camera: the view.
        things: distance in metres of what does not move, a pixel each; hides an arm.
        everything: the same with the person; hides a finger.
        joints: in the world's axes.
    """
    pixels, far = camera.project(joints)
    x, y = np.floor(pixels).astype(int).T
    inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    x, y = np.clip(x, 0, camera.width - 1), np.clip(y, 0, camera.height - 1)
    finger = np.arange(len(joints)) >= HANDS
    return inside & (far - np.where(finger, everything[y, x], things[y, x]) < np.where(finger, FINGER_M, LIMB_M))


def in_camera(body: np.ndarray, camera: Camera) -> np.ndarray:
    """Body features whose root is the whole trunk's rotation, in camera axes."""
    trunk, joint = Rotation.from_matrix(camera.world_to_camera[:3, :3]), JOINTS.index("spine3")
    chain = []
    while joint >= 0:
        chain.append(joint)
        joint = PARENTS[joint]
    for joint in chain[::-1]:
        trunk = trunk * Rotation.from_rotvec(body[:, 3 * joint : 3 * joint + 3])
    out = body.copy()
    out[:, :3] = trunk.as_rotvec()
    return out


def sightings_of(faces: np.ndarray, tracks: np.ndarray) -> pd.DataFrame:
    """One sighting a frame, from true face boxes [N, 4]; a track a shot."""
    numbers = np.arange(len(faces))
    seen = pd.DataFrame({"speaker": 0, "track_id": tracks, "frame": numbers})
    people = person_boxes(faces, tracks, numbers, WIDTH, HEIGHT)
    seen[FACE], seen[PERSON] = clipped(faces, WIDTH, HEIGHT), clipped(people, WIDTH, HEIGHT)
    return seen
