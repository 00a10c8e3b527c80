"""How a person of the demonstration moves: mouth by phonemes, blinks, brows, smiles, nods, and hands on stressed words.

Everything is a function of the script's times and a seeded generator, so it is known exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import roma
import torch

from nonverbal.avatar.model import ACTIONS
from nonverbal.avatar.skeleton import JOINTS
from nonverbal.demo.settings import Gesture
from nonverbal.demo.voice import Mark
from nonverbal.layouts import BODY_FEATURES, FPS, HAND_JOINTS

# How far a vowel opens the jaw, rounds the lips and draws them wide, by the first letter of espeak-ng's phoneme name.
VOWELS = {
    "a": (0.50, 0.0, 0.2), "A": (0.55, 0.0, 0.0), "0": (0.50, 0.2, 0.0), "V": (0.42, 0.0, 0.1), "@": (0.28, 0.0, 0.0),
    "3": (0.30, 0.3, 0.0), "E": (0.42, 0.0, 0.3), "e": (0.36, 0.0, 0.4), "I": (0.24, 0.0, 0.4), "i": (0.18, 0.0, 0.6),
    "o": (0.38, 0.7, 0.0), "O": (0.45, 0.6, 0.0), "u": (0.18, 0.9, 0.0), "U": (0.24, 0.7, 0.0), "w": (0.10, 0.9, 0.0),
}  # fmt: skip
CLOSED, BITTEN = "bpm", "fv"
CHEERFUL = {
    "haha",
    "great",
    "lovely",
    "love",
    "wonderful",
    "funny",
    "delicious",
    "beautiful",
    "amazing",
    "happy",
    "laugh",
}
AGREEING = {"yes", "yeah", "right", "exactly", "sure", "true", "absolutely", "indeed", "agreed", "definitely", "yep"}
PLAIN = {
    "a", "an", "and", "as", "at", "be", "but", "did", "do", "for", "he", "i", "in", "is", "it", "my", "of", "on", "or",
    "our", "she", "so", "that", "the", "they", "to", "was", "we", "were", "with", "you", "your",
}  # fmt: skip
# Where a gesture brings joints, axis-angle, found by inverse kinematics on four of the cast: the middle of the open
# hand 8 cm before the nose and mouth, palm to the face.
COVERING = {
    "left_shoulder": (-0.65, -0.65, -1.96), "left_elbow": (-0.05, -1.48, -1.49), "left_wrist": (-0.04, -0.13, 0.02),
    **{f"left_{joint}": (0.0, 0.0, -0.05) for joint in HAND_JOINTS},
}  # fmt: skip
NECK_SHARE = 0.35  # of a turn of the head
EASE_S = 0.45  # that a gesture takes to begin and to end


@dataclass(frozen=True)
class Part:
    """What one person says in a video, in seconds from its start."""

    turns: list[tuple[float, float]]
    words: list[Mark]
    phonemes: list[Mark]


@dataclass(frozen=True)
class Motion:
    """Body features [T, 179] and facial actions with jaw [T, 51] of one person, a row a frame."""

    body: np.ndarray
    face: np.ndarray


def animate(part: Part, partner: Part, frames: int, side: float, generator: np.random.Generator) -> Motion:
    """Motion of one person who sits to the left (side -1) or right (side +1) of the partner, seen by the viewer."""
    face = _face(part, partner, frames, generator)
    body = _body(part, partner, frames, side, generator)
    return Motion(body.astype(np.float32), face.astype(np.float32))


def gestured(motion: Motion, gestures: Sequence[Gesture]) -> Motion:
    """Motion with gestures on top of it."""
    body = motion.body.astype(float)
    frames = len(body)
    for gesture in gestures:
        t = np.arange(frames) / FPS - gesture.start_s
        share = _eased(np.clip(np.minimum(t, gesture.length_s - t) / EASE_S, 0, 1))
        if gesture.kind == "turn_head":
            turn = np.radians(gesture.degrees) * share
            for joint, part in (("neck", NECK_SHARE), ("head", 1 - NECK_SHARE)):
                body[:, _place(joint)] = product(
                    axis_angle(0.0 * turn, part * turn, 0.0 * turn), body[:, _place(joint)]
                )
        else:
            for joint, target in (COVERING if gesture.kind == "cover_face" else _lowered()).items():
                body[:, _place(joint)] = _between(body[:, _place(joint)], np.array(target, float), share)
    return Motion(body.astype(np.float32), motion.face)


def _place(joint: str) -> slice:
    return slice(3 * JOINTS.index(joint), 3 * JOINTS.index(joint) + 3)


def _lowered() -> dict[str, np.ndarray]:
    """Both hands on the lap, below the table."""
    pose: dict[str, np.ndarray] = {}
    for side, sign in (("left", (1, 1, 1)), ("right", (1, -1, -1))):
        shoulder, elbow = arm_rotations(*(np.array([x]) for x in (1.40, 0.10, 0.15, 1.0, 0.6)))
        pose |= {f"{side}_shoulder": shoulder[0] * sign, f"{side}_elbow": elbow[0] * sign}
    return pose


def _between(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rotations [T, 3] a share [T] of the way from each of [T, 3] to one [3]."""
    start_matrix, end_matrix = (roma.rotvec_to_rotmat(torch.from_numpy(vectors)) for vectors in (start, end))
    way = roma.rotmat_to_rotvec(start_matrix.mT @ end_matrix).numpy()
    return product(start, way * share[:, None])


def bumps(frames: int, events: list[tuple[float, float]], rise_s: float, fall_s: float) -> np.ndarray:
    """Sum of smooth bumps, [T]: one of the given height at each time."""
    t = np.arange(frames)[:, None] / FPS
    if not events:
        return np.zeros(frames)
    at, height = np.array(events).T
    width = np.where(t < at, rise_s, fall_s)
    return (height * np.exp(-(((t - at) / width) ** 2))).sum(axis=1)


def drift(frames: int, period_s: float, generator: np.random.Generator) -> np.ndarray:
    """A slow wander about zero of about unit size, [T]."""
    t = np.arange(frames) / FPS
    waves = generator.uniform(0.6, 1.6, 4)[:, None], generator.uniform(0, 2 * np.pi, 4)[:, None]
    return np.sin(2 * np.pi * t / period_s * waves[0] + waves[1]).sum(axis=0) / np.sqrt(2)


def _face(part: Part, partner: Part, frames: int, generator: np.random.Generator) -> np.ndarray:
    opened, rounded, wide, closed, bitten = _mouth(part.phonemes, frames)
    smile = _smile(part, partner, frames, generator)
    blink = np.clip(bumps(frames, _blinks(frames, generator), 0.06, 0.08), 0, 1)
    brows = bumps(
        frames, [(m.start_s, generator.uniform(0.3, 0.9)) for m in _stressed(part, 0.35, generator)], 0.2, 0.3
    )
    look = 0.25 * drift(frames, 3.0, generator)
    frown = np.clip(0.25 * drift(frames, 5.0, generator), 0, 1)
    actions = {
        "jawOpen": opened, "jawSide": 0.06 * opened * drift(frames, 1.5, generator), "mouthPucker": 0.7 * rounded,
        "mouthFunnel": 0.5 * rounded, "mouthStretchLeft": 0.4 * wide, "mouthStretchRight": 0.4 * wide,
        "mouthPressLeft": 0.5 * closed, "mouthPressRight": 0.5 * closed, "mouthRollLower": 0.5 * bitten + 0.2 * closed,
        "mouthLowerDownLeft": 0.5 * opened, "mouthLowerDownRight": 0.5 * opened,
        "mouthSmileLeft": smile, "mouthSmileRight": 0.95 * smile, "cheekSquintLeft": 0.5 * smile,
        "cheekSquintRight": 0.5 * smile, "eyeSquintLeft": 0.3 * smile, "eyeSquintRight": 0.3 * smile,
        "eyeBlinkLeft": blink, "eyeBlinkRight": blink, "browInnerUp": 0.6 * brows, "browOuterUpLeft": brows,
        "browOuterUpRight": brows, "browDownLeft": frown, "browDownRight": frown,
        "eyeLookInLeft": np.clip(-look, 0, 1), "eyeLookOutRight": np.clip(-look, 0, 1),
        "eyeLookOutLeft": np.clip(look, 0, 1), "eyeLookInRight": np.clip(look, 0, 1),
    }  # fmt: skip
    values = np.zeros((frames, len(ACTIONS)))
    for name, track in actions.items():
        values[:, ACTIONS.index(name)] = np.clip(track, -1 if name == "jawSide" else 0, 1)
    return values


def _mouth(phonemes: list[Mark], frames: int) -> np.ndarray:
    """Jaw opening, rounding, widening, closing and biting, [5, T], smoothed over 80 ms."""
    fine = 200  # a second
    tracks = np.zeros((5, frames * fine // FPS))
    for mark in phonemes:
        letter = mark.text.lstrip("',%=_:;")[:1]
        span = slice(int(mark.start_s * fine), max(int(mark.end_s * fine), int(mark.start_s * fine) + 1))
        if letter in VOWELS:
            tracks[:3, span] = np.array(VOWELS[letter])[:, None]
        elif letter:
            tracks[0, span] = 0.0 if letter in CLOSED else 0.12
            tracks[3, span], tracks[4, span] = letter in CLOSED, letter in BITTEN
    kernel = np.hanning(17) / np.hanning(17).sum()
    smooth = np.stack([np.convolve(track, kernel, mode="same") for track in tracks])
    return smooth[:, :: fine // FPS][:, :frames]


def _stressed(part: Part, share: float, generator: np.random.Generator) -> list[Mark]:
    content = [mark for mark in part.words if plain(mark.text) not in PLAIN]
    return [mark for mark in content if generator.random() < share]


def plain(word: str) -> str:
    """A word in lower case without punctuation around it."""
    return word.strip(".,!?;:'\"").lower()


def _said(part: Part, vocabulary: set[str]) -> list[float]:
    return [mark.start_s for mark in part.words if plain(mark.text) in vocabulary]


def _smile(part: Part, partner: Part, frames: int, generator: np.random.Generator) -> np.ndarray:
    own, heard = _said(part, CHEERFUL), _said(partner, CHEERFUL)
    events = [(t + 0.3, generator.uniform(0.6, 0.9)) for t in own]
    events += [(t + 0.7, generator.uniform(0.4, 0.8)) for t in heard]
    return np.clip(0.16 + 0.10 * drift(frames, 6.0, generator) + bumps(frames, events, 0.4, 0.9), 0, 0.95)


def _blinks(frames: int, generator: np.random.Generator) -> list[tuple[float, float]]:
    times = np.cumsum(generator.uniform(1.8, 4.5, frames // FPS))
    return [(t, 1.0) for t in times if t < frames / FPS]


def _body(part: Part, partner: Part, frames: int, side: float, generator: np.random.Generator) -> np.ndarray:
    speaking = _speaking(part, frames)
    nods = [(t + 0.1, 0.22) for t in _said(part, AGREEING)] + [(t + 0.45, 0.18) for t in _said(partner, AGREEING)]
    beats = [(m.start_s, generator.uniform(0.5, 1.0)) for m in _stressed(part, 0.5, generator)]
    nod = bumps(frames, nods, 0.12, 0.15) - 0.6 * bumps(frames, [(t + 0.3, a) for t, a in nods], 0.12, 0.15)
    tilt, turn = drift(frames, 4.0, generator), drift(frames, 5.0, generator)
    breath = 0.012 * np.sin(2 * np.pi * np.arange(frames) / FPS / 3.7)
    zero = np.zeros(frames)
    pose = {
        "root": axis_angle(zero - 0.02, zero - side * 0.22 + 0.01 * turn, zero),
        "spine1": axis_angle(0.03 + 0.012 * drift(frames, 7.0, generator), zero, 0.012 * drift(frames, 6.0, generator)),
        "spine3": axis_angle(breath, -side * 0.03 + 0.02 * turn, zero),
        "neck": axis_angle(0.3 * nod, -side * 0.02 + 0.03 * turn, 0.02 * tilt),
        "head": axis_angle(
            0.7 * nod + 0.04 * speaking * drift(frames, 0.9, generator), -side * 0.03 + 0.06 * turn, 0.04 * tilt
        ),
    }
    for hand in ("left", "right"):
        liveliness = generator.uniform(0.7, 1.0)
        pose |= _arm(hand, liveliness * bumps(frames, beats, 0.16, 0.28), speaking, frames, generator)
    body = np.zeros((frames, BODY_FEATURES))
    for joint, rotation in pose.items():
        first = 3 * JOINTS.index(joint)
        body[:, first : first + 3] = rotation
    return body


def _speaking(part: Part, frames: int) -> np.ndarray:
    """1 while the person speaks, easing in and out over half a second, [T]."""
    t = np.arange(frames) / FPS
    inside: np.ndarray = np.zeros(frames)
    for start, end in part.turns:
        inside = np.maximum(inside, np.clip(np.minimum(t - start + 0.4, end - t + 0.5) / 0.5, 0, 1))
    return _eased(inside)


def _eased(share: np.ndarray) -> np.ndarray:
    """0..1 with a slow start and end."""
    return share * share * (3 - 2 * share)


def _arm(
    side: str, beat: np.ndarray, speaking: np.ndarray, frames: int, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """One arm: forearm raised over the table, lifted while speaking, thrown outward and opened on each beat."""
    wander = [drift(frames, period, generator) for period in (2.7, 3.3, 4.1)]
    lift, beat = speaking, np.clip(beat, 0, 1.3)
    down = 1.25 - 0.10 * lift - 0.06 * beat
    forward = 0.30 + 0.12 * lift + 0.15 * beat + 0.02 * wander[0]
    inward = 0.50 - 0.10 * lift - 0.35 * beat + 0.03 * wander[1]
    bend = 1.88 + 0.20 * lift + 0.12 * beat + 0.03 * wander[2]
    roll = 0.55 + 0.30 * lift - 0.6 * beat
    curl = 0.45 - 0.25 * lift - 0.15 * beat + 0.04 * wander[1]
    zero = np.zeros(frames)
    shoulder, elbow = arm_rotations(down, forward, inward, bend, roll)
    pose = {
        f"{side}_collar": axis_angle(zero, zero, 0.03 * beat),
        f"{side}_shoulder": shoulder,
        f"{side}_elbow": elbow,
        f"{side}_wrist": axis_angle(zero, 0.05 * wander[0], 0.15 + 0.25 * beat - 0.1 * lift),
    }
    for joint in HAND_JOINTS:
        share = {"thumb": 0.25, "index": 0.7, "middle": 0.9, "ring": 1.0, "pinky": 1.0}[joint[:-1]]
        pose[f"{side}_{joint}"] = axis_angle(zero, zero, -share * curl)
    if side == "right":
        pose = {joint: rotation * (1, -1, -1) for joint, rotation in pose.items()}
    return pose


def arm_rotations(
    down: np.ndarray, forward: np.ndarray, inward: np.ndarray, bend: np.ndarray, roll: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Left shoulder and elbow, axis-angle [T, 3]: upper arm down, forward and inward; forearm bent and rolled."""
    zero = np.zeros(len(down))
    shoulder = product(axis_angle(-forward, zero, zero), axis_angle(zero, zero, -down), axis_angle(inward, zero, zero))
    return shoulder, product(axis_angle(zero, -bend, zero), axis_angle(roll, zero, zero))


def axis_angle(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Axis-angle [T, 3] of its parts, which broadcast."""
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def product(*rotations: np.ndarray) -> np.ndarray:
    """Axis-angle [T, 3] of a product of rotations, the last applied first."""
    matrix = roma.rotvec_to_rotmat(torch.from_numpy(rotations[0]))
    for rotation in rotations[1:]:
        matrix = matrix @ roma.rotvec_to_rotmat(torch.from_numpy(rotation))
    return roma.rotmat_to_rotvec(matrix).numpy()
