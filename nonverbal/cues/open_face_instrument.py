"""Measure how mediapipe's face mesh answers to facial actions, on rendered heads where they are known.

`python -m nonverbal.cues.open_face_instrument` writes resources/open_face_instrument.npz: people of random shape and
colour, heads turned at random, random facial actions; the points' shifts are then regressed on the actions.
"""

import argparse
import importlib.metadata
import sys
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from nonverbal.avatar.dress import Person
from nonverbal.avatar.look import Look
from nonverbal.avatar.render import Camera, Canvas
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.cues.face_mesh import find_points, new_mesh
from nonverbal.cues.frames import Crop
from nonverbal.cues.open_face import ACTIONS, INSTRUMENT, JAW_SIDE, TO_AXES, Instrument, align, stillness
from nonverbal.layouts import BODY_FEATURES

SEED, PEOPLE, PICTURES = 20250728, 24, 100
PIXELS = 192
RESTING = 0.1  # share of pictures with a resting face
TURN_RAD = np.array([0.13, 0.25, 0.08])  # standard deviation of nodding, shaking, tilting
EYE_CORNERS, EYE_CORNERS_MM = (33, 263), 90.0  # outer corners; sets the unit of length
NUISANCES = 12
RIDGE = 9.0  # pictures' worth of evidence that an action does nothing
PHENOTYPES = {
    "gender": (0, 1), "age": (0.55, 0.85), "weight": (0.3, 0.7), "proportions": (0, 1), "muscle": (0.3, 0.7),
}  # fmt: skip
SKIN, HAIR = np.array([0.83, 0.62, 0.52]), np.array([1.0, 0.7, 0.5])  # scaled at random
HEAD = JOINTS.index("head")


class Pictures(NamedTuple):
    """Mesh points [N, 478, 3], actions [N, 51], head rotations [N, 3] and the person [N] of rendered pictures."""

    points: np.ndarray
    actions: np.ndarray
    turns: np.ndarray
    person: np.ndarray


def random_look(generator: np.random.Generator) -> Look:
    """A person of random shape, skin and hair."""
    return Look.model_validate(
        {
            "phenotype": {name: generator.uniform(*between) for name, between in PHENOTYPES.items()},
            "skin": np.clip(SKIN * generator.uniform(0.35, 1.12), 0, 1).tolist(),
            "hair": (HAIR * generator.uniform(0.03, 0.3)).tolist(),
            "long_hair": bool(generator.random() < 0.4),
        }
    )


def random_actions(generator: np.random.Generator, pictures: int) -> np.ndarray:
    """Sparse actions [pictures, 51]: the jaw half of the time, left and right often together, some faces at rest."""
    actions = np.where(generator.random((pictures, len(ACTIONS))) < 0.12, generator.random((pictures, len(ACTIONS))), 0)
    for left, name in enumerate(ACTIONS):
        if name.endswith("Left") and (twin := name.removesuffix("Left") + "Right") in ACTIONS:
            both = generator.random(pictures) < 0.5
            actions[both, ACTIONS.index(twin)] = actions[both, left]
    jaw = generator.random(pictures) < 0.5
    actions[jaw, ACTIONS.index("jawOpen")] = generator.uniform(0, 0.8, jaw.sum())
    actions[:, JAW_SIDE] *= generator.choice([-1, 1], pictures)
    actions[: max(2, int(RESTING * pictures))] = 0
    return actions


def photograph(look: Look, actions: np.ndarray, turns: np.ndarray, sky: tuple[float, float, float]) -> np.ndarray:
    """Mesh points [N, 478, 3] of one person's rendered pictures; NaN where no face was found."""
    person, mesh = Person(look), new_mesh(still=True)
    face = person.avatar.rest_vertices[person.avatar.face_index].mean(dim=0) - person.avatar.joints[HEAD]
    x, y, z = (person.avatar.rest_joints[HEAD] + face).tolist()
    canvas = Canvas(Camera((x, y, z + 1), (x, y, z), 20, PIXELS, PIXELS), [], sky)
    points = np.full((len(actions), 478, 3), np.nan)
    features = torch.zeros(len(actions), BODY_FEATURES)
    features[:, 3 * HEAD : 3 * HEAD + 3] = torch.from_numpy(turns)
    bodies, _ = person.pose(features, torch.from_numpy(actions).float())
    for i, body in enumerate(bodies):
        found = find_points(mesh, Crop(canvas.draw([person.surface(body)]), 0, 0))
        if found is not None:
            points[i] = found
    return points


def take_pictures(people: int, pictures: int, seed: int) -> Pictures:
    """Render people with known faces and run the mesh on them; pictures without a mesh are left out."""
    generator, taken = np.random.default_rng(seed), []
    for number in range(people):
        actions, turns = random_actions(generator, pictures), generator.normal(size=(pictures, 3)) * TURN_RAD
        red, green, blue = generator.uniform(0.1, 0.6, 3).tolist()
        points = photograph(random_look(generator), actions, turns, (red, green, blue))
        taken.append((points, actions, turns, np.full(pictures, number)))
    columns = [np.concatenate(column) for column in zip(*taken, strict=True)]
    found = np.isfinite(columns[0]).all(axis=(1, 2))
    return Pictures(*(column[found] for column in columns))


def identify(pictures: Pictures, seed: int) -> Instrument:
    """Regress the points' shifts on the actions, each person with their own resting face; what is left is nuisance."""
    upright, people = pictures.points * TO_AXES, np.eye(pictures.person.max() + 1)[pictures.person]
    causes = np.concatenate([pictures.actions, people], axis=1)
    prior = np.zeros((len(ACTIONS), causes.shape[1]))
    prior[:, : len(ACTIONS)] = np.sqrt(RIDGE) * np.eye(len(ACTIONS))
    reference, weights = resting_face(pictures), np.ones(478)
    for _ in range(3):  # the points that hold the pose are known once the response is
        _, aligned = align(upright, reference, weights)
        shifts = (aligned - reference).reshape(len(upright), -1)
        padded = np.concatenate([shifts, np.zeros((len(ACTIONS), shifts.shape[1]))])
        solution = np.linalg.lstsq(np.concatenate([causes, prior]), padded, rcond=None)[0]
        response = solution[: len(ACTIONS)].reshape(-1, 478, 3)
        weights = stillness(response)
    rest = shifts - causes @ solution
    _, sizes, directions = np.linalg.svd(rest, full_matrices=False)
    variances = sizes**2 / len(rest)
    nuisance = np.sqrt(variances[:NUISANCES, None]) * directions[:NUISANCES]
    noise = variances[NUISANCES:].sum() / rest.shape[1]
    return Instrument(
        reference,
        response,
        nuisance.reshape(-1, 478, 3),
        float(noise),
        float(np.sqrt((rest**2).mean())),
        made_with(seed),
    )


def resting_face(pictures: Pictures) -> np.ndarray:
    """Mean points of the resting faces, turned upright, in mm about their middle, [478, 3]."""
    resting = ~pictures.actions.any(axis=1)
    points = pictures.points[resting] * TO_AXES
    points = (points - points.mean(axis=1, keepdims=True)) @ Rotation.from_rotvec(pictures.turns[resting]).as_matrix()
    left, right = EYE_CORNERS
    across = np.linalg.norm(points[:, left] - points[:, right], axis=-1)
    return (points * (EYE_CORNERS_MM / across)[:, None, None]).mean(axis=0)


def made_with(seed: int) -> dict[str, object]:
    """What the instrument depends on."""
    versions = {
        name: importlib.metadata.version(name) for name in ("anny", "mediapipe", "numpy", "opencv-python-headless")
    }
    command = "python -m nonverbal.cues.open_face_instrument"
    return {"command": command, "seed": seed, "people": PEOPLE, "pictures": PICTURES, "versions": versions}


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m nonverbal.cues.open_face_instrument", description=__doc__).parse_args()
    identify(take_pictures(PEOPLE, PICTURES, SEED), SEED).save(INSTRUMENT)
    sys.stdout.write(f"{INSTRUMENT}\n")
