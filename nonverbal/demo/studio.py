"""The set of the demonstration: a table, two seats, walls, lamps, microphones, and the cameras around them."""

import numpy as np

from nonverbal.avatar.look import Colour
from nonverbal.avatar.render import Camera, Mesh, Normals, Surface

WIDTH, HEIGHT = 640, 360
SEAT_M = 0.53  # height of a seated person's root joint
PLACES = {1: (0.0,), 2: (-0.45, 0.45), 3: (-0.80, 0.0, 0.80)}  # x of the seats, by number of people
TABLE_M = 0.70


def cameras(people: int, heads: np.ndarray) -> dict[str, Camera]:
    """The shots: `wide`, and `single0`, `single1`, ... of each person.

    Args:
        people: how many sit at the table.
        heads: where their head joints are, world metres [people, 3].
    """
    width = {1: 1.35, 2: 2.0, 3: 2.9}[people]
    level = float(heads[:, 1].mean())
    shots = {"wide": _framed((0.0, level - 0.17, 0.1), (0.0, level + 0.02, 3.4), width)}
    for i, head in enumerate(heads):
        x, level = float(head[0]), float(head[1])
        shots[f"single{i}"] = _framed((x, level - 0.15, 0.1), (x * 0.55, level, 2.4), 1.24)
    return shots


def _framed(target: tuple[float, float, float], eye: tuple[float, float, float], width_m: float) -> Camera:
    distance = float(np.linalg.norm(np.subtract(target, eye)))
    fov = 2 * np.degrees(np.arctan(width_m * HEIGHT / WIDTH / 2 / distance))
    return Camera(eye, target, float(fov), WIDTH, HEIGHT)


def _dim(colour: Colour, share: float) -> Colour:
    return (colour[0] * share, colour[1] * share, colour[2] * share)


def furniture(people: int, wall: Colour, accent: Colour) -> list[Surface]:
    """Everything that stands still."""
    wood, dark, steel = (0.42, 0.28, 0.18), (0.13, 0.13, 0.15), (0.30, 0.30, 0.32)
    parts = [
        _box((0, 1.2, -1.65), (7.0, 4.0, 0.1), wall),
        _box((0, -0.03, 0.0), (7.0, 0.06, 4.0), (0.30, 0.26, 0.23)),
        _box((0, TABLE_M - 0.02, 0.62), (2.5, 0.04, 0.62), wood),
        _box((0, 0.33, 0.70), (2.4, 0.66, 0.40), _dim(wood, 0.6)),
        *(_box((x, 1.25, -1.58), (0.34, 0.46, 0.04), accent) for x in (-1.35, 1.35)),
        _box((0, 1.52, -1.58), (0.62, 0.34, 0.04), _dim(accent, 0.75)),
        _box((1.95, 0.62, -1.4), (0.5, 1.24, 0.35), _dim(wood, 0.8)),
        _box((-1.95, 0.75, -1.4), (0.05, 1.5, 0.05), steel),
        _box((-1.95, 1.55, -1.4), (0.28, 0.26, 0.28), (1.0, 0.93, 0.75)),
    ]
    for x in PLACES[people]:
        parts.append(_box((x, 0.72, -0.30), (0.52, 0.80, 0.08), dark))
        parts.append(_box((x * 0.72, TABLE_M + 0.05, 0.60), (0.05, 0.10, 0.05), steel))
        parts.append(_box((x * 0.72, TABLE_M + 0.12, 0.58), (0.06, 0.07, 0.06), dark))
    return parts


def slide(text_bars: int, colour: Colour) -> list[Surface]:
    """A presentation slide that fills the wide shot: no person anywhere."""
    paper = [
        _box((0, 1.05, 0.0), (6.0, 4.0, 0.02), (0.93, 0.93, 0.90)),
        _box((0, 1.42, 0.03), (1.5, 0.13, 0.02), colour),
    ]
    for i in range(text_bars):
        paper.append(
            _box((-0.1 + 0.04 * i, 1.24 - 0.11 * i, 0.03), (1.2 - 0.12 * (i % 3), 0.045, 0.02), (0.4, 0.4, 0.45))
        )
    return paper


def _box(centre: tuple[float, float, float], size: tuple[float, float, float], colour: Colour) -> Surface:
    """A box with flat sides: every side has its own corners."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    vertices = np.array(centre) + signs[np.array(sides).ravel()] * np.array(size) / 2
    faces = np.concatenate([[(4 * i, 4 * i + 1, 4 * i + 2), (4 * i, 4 * i + 2, 4 * i + 3)] for i in range(6)])
    mesh = Mesh(faces.astype(np.int32), np.tile(np.array(colour, np.float32), (24, 1)), np.zeros(24, np.float32))
    return Surface(mesh, vertices.astype(np.float32), Normals(faces, 24)(vertices))
