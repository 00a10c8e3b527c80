"""How the people of a synthetic dialogue move while they speak: every cause and its effect, in one place.

A syllable opens the jaw by its vowel and shapes the lips. Words of laughter smile, of agreement nod, of denial shake
the head, of grief lower it and raise the inner brows; stressed words beat the hands and raise the brows; words of size
draw the hands apart or together; numbers show as many fingers of the better hand; a question ends with raised brows and
open palms. An answer moves by what was asked: who was asked to agree nods on, who heard a joke smiles from the start
on, who heard of grief stays low. Warmth is a smile that lasts, energy is how high and how far the hands go. Persons
differ by `Style`. Trackers add noise and lose faces, bodies and hands.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.signal import lfilter

from nonverbal.demo.conversation import COUNTING, DENYING, NARROW, SAD, WIDE, Utterance, syllables
from nonverbal.demo.motion import AGREEING, CHEERFUL, PLAIN, VOWELS, arm_rotations, axis_angle, plain
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, FPS, HAND_JOINTS, JOINTS, OPEN_FACE, floor_frame

REACH = 3  # widths of a bump after which nothing of it is left
FINGERS = ("index", "middle", "ring", "pinky", "thumb")
SHARES = np.array([0.7, 0.9, 1.0, 1.0, 0.25])  # of a hand's curl, by finger
NOISE = {"actions": 0.012, "joints": 0.008, "hands": 0.010}  # standard deviation of what a tracker adds; radians
LOST_EVERY_S = {"face": 25.0, "body": 40.0, "hand": 20.0}  # on average
LOST_FRAMES = {"face": 5.0, "body": 6.0, "hand": 25.0}  # on average
UNKNOWN_ACTIONS = ("cheekSquintLeft", "cheekSquintRight", "tongueOut")  # that a camera does not tell
HALF_S, STRESSED, RAISED = 0.5, 0.55, 0.3  # of a nod train; shares of content words with a beat, with a raised brow


@dataclass(frozen=True)
class Style:
    """What is a person's own: 1 is usual.

    Attributes:
        tempo: of speech.
        jaw, smile, nod, beat: sizes of movements.
        right: whether the right hand is the better one.
        blink_s: mean time between blinks.
        head: pitch, yaw and roll at rest, radians [3].
        arms: down, forward, inward, bend and roll at rest beyond the usual, radians [2, 5].
        fingers: rotations at rest, radians [2, 15, 3].
        actions: face at rest, [51].
    """

    tempo: float
    jaw: float
    smile: float
    nod: float
    beat: float
    right: bool
    blink_s: float
    head: np.ndarray
    arms: np.ndarray
    fingers: np.ndarray
    actions: np.ndarray


def draw_style(rng: np.random.Generator) -> Style:
    """A person."""
    sizes = {"tempo": 0.08, "jaw": 0.12, "smile": 0.15, "nod": 0.2, "beat": 0.25}
    return Style(
        **{name: float(np.exp(rng.normal(0, spread))) for name, spread in sizes.items()},
        right=bool(rng.random() < 0.85),
        blink_s=rng.uniform(2, 5),
        head=rng.normal(0, [0.06, 0.05, 0.03]),
        arms=rng.normal(0, [0.06, 0.08, 0.08, 0.08, 0.10], (2, 5)),
        fingers=rng.normal(0, 0.04, (2, len(HAND_JOINTS), 3)),
        actions=np.clip(rng.normal(-0.04, 0.06, OPEN_FACE.dim), 0, None),
    )


@dataclass(frozen=True)
class Moved:
    """Motion of an utterance; its first frame is that of its first word, its last that of its last.

    Attributes:
        face: float32 [T, 156] in the open face's layout.
        body: float32 [T, 179] in SMPL-X's.
        face_seen, body_seen: bool [T], false where the tracker lost it.
    """

    face: np.ndarray
    body: np.ndarray
    face_seen: np.ndarray
    body_seen: np.ndarray


class Causes:
    """The events of an utterance as tracks over its frames.

    Args:
        utterance: who says what and when.
        rng: draws which words are stressed.
    """

    def __init__(self, utterance: Utterance, rng: np.random.Generator) -> None:
        self.utterance = utterance
        self.first = floor_frame(utterance.start_s)
        self.frames = floor_frame(utterance.end_s) - self.first + 1
        self.t = (np.arange(self.frames) + 0.5) / FPS
        self.starts = np.array([word.start_s for word in utterance.words]) - self.first / FPS
        self.plain = [plain(word.text) for word in utterance.words]
        content = np.array([word not in PLAIN for word in self.plain])
        draws = rng.random((2, len(content)))
        self.beats, self.raised = (
            self.starts[content & (draws[0] < STRESSED)],
            self.starts[content & (draws[1] < RAISED)],
        )

    def said(self, vocabulary: set[str]) -> np.ndarray:
        """When words of a vocabulary start."""
        return self.starts[[word in vocabulary for word in self.plain]]

    @cached_property
    def questions(self) -> np.ndarray:
        """When questions end."""
        ends = [word.end_s for word in self.utterance.words if word.text.endswith("?")]
        return np.array(ends) - self.first / FPS

    @cached_property
    def nods(self) -> np.ndarray:
        """When nods begin: at words of agreement, and five in a row by who was asked to agree and does."""
        train = HALF_S * np.arange(5) if self.utterance.answer == "agree" else np.zeros(0)
        return np.concatenate([self.said(AGREEING), train])

    def bumps(self, at: np.ndarray, rise_s: float, fall_s: float, height: np.ndarray | float = 1.0) -> np.ndarray:
        """Sum of smooth bumps [T], of a height at each moment."""
        track = np.zeros(self.frames)
        if not len(at):
            return track
        before, after = int(REACH * rise_s * FPS) + 1, int(REACH * fall_s * FPS) + 1
        places = np.floor(at * FPS).astype(int)[:, None] + np.arange(-before, after + 1)
        away = (places + 0.5) / FPS - at[:, None]
        values = np.exp(-((away / np.where(away < 0, rise_s, fall_s)) ** 2)) * np.broadcast_to(height, len(at))[:, None]
        inside = (places >= 0) & (places < self.frames)
        return np.bincount(places[inside], values[inside], self.frames)

    def fading(self, answer: str, seconds: float) -> np.ndarray:
        """1 at the start of an utterance that answers so, fading; else 0, [T]."""
        return np.exp(-self.t / seconds) * (self.utterance.answer == answer)

    def mouth(self) -> np.ndarray:
        """Jaw opening, rounding, widening and closing [4, T], by the vowels of the words and their m, b and p."""
        at, shapes, closed = [], [], []
        for word in self.utterance.words:
            vowels = syllables(word.text) or ("@",)
            length = (word.end_s - word.start_s) / len(vowels)
            at += [word.start_s + (i + 0.5) * length for i in range(len(vowels))]
            shapes += [VOWELS[vowel] for vowel in vowels]
            if word.text[0] in "bmp":
                closed.append(word.start_s)
        times, sizes = np.array(at) - self.first / FPS, np.array(shapes).T
        open_ = [self.bumps(times, 0.08, 0.08, size) for size in sizes]
        return np.stack([*open_, self.bumps(np.array(closed) - self.first / FPS, 0.05, 0.05)])


def move(utterance: Utterance, style: Style, rng: np.random.Generator) -> Moved:
    """The motion of one utterance as a tracker would give it."""
    causes = Causes(utterance, rng)
    pitch, yaw, roll = head(causes, style, rng)
    face = np.full((causes.frames, FACE_FEATURES), np.nan, np.float32)
    face[:, OPEN_FACE.index] = actions(causes, style, rng)
    face[:, [OPEN_FACE.groups["expression"][0] + OPEN_FACE.labels.index(name) for name in UNKNOWN_ACTIONS]] = np.nan
    face[:, slice(*OPEN_FACE.groups["global"])] = axis_angle(pitch, yaw, roll)
    body = np.full((causes.frames, BODY_FEATURES), np.nan, np.float32)
    body[:, _place("root")] = noise(causes.frames, 3, NOISE["joints"], rng)
    body[:, _place("head")] = axis_angle(pitch, yaw, roll) + noise(causes.frames, 3, NOISE["joints"], rng)
    for side in ("left", "right"):
        for joint, rotation in arm(causes, style, side, rng).items():
            body[:, _place(joint)] = rotation
        hidden = lost(causes.frames, "hand", rng)
        for joint in ("wrist", *HAND_JOINTS):
            body[hidden, _place(f"{side}_{joint}")] = np.nan
    return Moved(face, body, ~lost(causes.frames, "face", rng), ~lost(causes.frames, "body", rng))


def _place(joint: str) -> slice:
    return slice(3 * JOINTS.index(joint), 3 * JOINTS.index(joint) + 3)


def noise(frames: int, numbers: int, size: float, rng: np.random.Generator, memory: float = 0.6) -> np.ndarray:
    """Noise [frames, numbers] of a standard deviation that remembers so much of the frame before."""
    white = rng.standard_normal((frames, numbers), np.float32) * np.float32(size * np.sqrt(1 - memory**2))
    white[0] /= np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], white, axis=0)


def lost(frames: int, what: str, rng: np.random.Generator) -> np.ndarray:
    """Frames in which a tracker loses something, bool [frames]."""
    starts = np.flatnonzero(rng.random(frames) < 1 / (LOST_EVERY_S[what] * FPS))
    gone = np.zeros(frames, bool)
    for start, length in zip(starts, rng.geometric(1 / LOST_FRAMES[what], len(starts)), strict=True):
        gone[start : start + length] = True
    return gone


def actions(causes: Causes, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Facial actions and jaw [T, 51], in OPEN_FACE's order."""
    said = causes.utterance
    opened, rounded, wide, closed = causes.mouth()
    opened = style.jaw * (0.8 + 0.4 * said.energy) * opened * (1 - 0.6 * np.clip(closed, 0, 1))
    smile = style.smile * (0.05 + 0.45 * said.warmth + 0.3 * causes.bumps(causes.said(CHEERFUL) + 0.3, 0.3, 1.0))
    smile = np.clip(smile + 0.4 * causes.fading("laugh", 3.0) + noise(causes.frames, 1, 0.03, rng, 0.97)[:, 0], 0, 0.95)
    grief = np.clip(causes.bumps(causes.said(SAD), 0.3, 0.8) + 0.8 * causes.fading("comfort", 4.0), 0, 1)
    raised = 0.6 * causes.bumps(causes.raised, 0.2, 0.3) + 0.8 * causes.bumps(causes.questions, 0.5, 0.5)
    shut = np.clip(causes.bumps(np.cumsum(rng.exponential(style.blink_s, causes.frames // FPS + 2)), 0.06, 0.08), 0, 1)
    look = noise(causes.frames, 1, 0.15, rng, 0.95)[:, 0]
    frown = 0.35 * causes.bumps(causes.said(DENYING), 0.25, 0.6)
    tracks = {
        "jawOpen": opened, "mouthFunnel": 0.5 * rounded, "mouthPucker": 0.7 * rounded,
        "mouthLowerDownLeft": 0.5 * opened, "mouthLowerDownRight": 0.5 * opened, "mouthUpperUpLeft": 0.2 * opened,
        "mouthUpperUpRight": 0.2 * opened, "mouthStretchLeft": 0.4 * wide, "mouthStretchRight": 0.4 * wide,
        "mouthPressLeft": 0.5 * closed, "mouthPressRight": 0.5 * closed, "mouthRollLower": 0.25 * closed,
        "mouthSmileLeft": smile, "mouthSmileRight": 0.95 * smile, "mouthDimpleLeft": 0.3 * smile,
        "mouthDimpleRight": 0.3 * smile, "eyeSquintLeft": 0.4 * smile, "eyeSquintRight": 0.4 * smile,
        "mouthFrownLeft": 0.5 * grief, "mouthFrownRight": 0.5 * grief, "browInnerUp": 0.6 * grief + 0.6 * raised,
        "browOuterUpLeft": raised, "browOuterUpRight": raised, "browDownLeft": frown, "browDownRight": frown,
        "eyeBlinkLeft": shut, "eyeBlinkRight": shut, "eyeWideLeft": 0.3 * raised, "eyeWideRight": 0.3 * raised,
        "eyeLookOutLeft": np.clip(look, 0, 1), "eyeLookInRight": np.clip(look, 0, 1),
        "eyeLookInLeft": np.clip(-look, 0, 1), "eyeLookOutRight": np.clip(-look, 0, 1),
    }  # fmt: skip
    values = style.actions + noise(causes.frames, OPEN_FACE.dim, NOISE["actions"], rng)
    for name, track in tracks.items():
        values[:, OPEN_FACE.labels.index(name)] += track
    return np.clip(values, [-1.0 if name == "jawSide" else 0.0 for name in OPEN_FACE.labels], 1)


def head(causes: Causes, style: Style, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pitch (down is positive), yaw and roll of the head, radians [T]."""
    energy = 0.6 + 0.8 * causes.utterance.energy
    nods, shakes = causes.nods, causes.said(DENYING)
    nod = causes.bumps(nods + 0.12, 0.11, 0.13) - 0.5 * causes.bumps(nods + 0.36, 0.11, 0.13)
    shake = sum(sign * causes.bumps(shakes + at, 0.1, 0.1) for sign, at in ((1, 0.1), (-1, 0.32), (0.7, 0.54)))
    grief = causes.bumps(causes.said(SAD), 0.4, 1.0) + causes.fading("comfort", 4.0)
    laugh = causes.bumps(causes.said({"haha"}) + 0.2, 0.2, 0.4)
    tilt = causes.bumps(causes.questions, 0.6, 0.4)
    wander = noise(causes.frames, 3, 1.0, rng, 0.98).T
    pitch = 0.22 * style.nod * energy * nod + 0.18 * np.clip(grief, 0, 1.2) - 0.14 * laugh + 0.025 * wander[0]
    yaw, roll = 0.2 * style.nod * energy * shake + 0.03 * wander[1], 0.12 * tilt + 0.02 * wander[2]
    return pitch + style.head[0], yaw + style.head[1], roll + style.head[2]


def arm(causes: Causes, style: Style, side: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rotations [T, 3] of one arm's joints and its fingers'; the collar is not told by a camera."""
    number = ("left", "right").index(side)
    better = style.right == (side == "right")
    energy = causes.utterance.energy
    lift = np.full(causes.frames, energy) - 0.4 * np.clip(causes.fading("comfort", 4.0), 0, energy)
    beat = style.beat * (0.3 + 0.9 * energy) * (1.0 if better else 0.45) * causes.bumps(causes.beats, 0.14, 0.24)
    apart, near = causes.bumps(causes.said(WIDE) + 0.1, 0.25, 0.4), causes.bumps(causes.said(NARROW) + 0.1, 0.25, 0.4)
    palms = causes.bumps(causes.questions, 0.5, 0.5)
    shown = [causes.bumps(causes.said({word}) + 0.1, 0.2, 0.4) * better for word in COUNTING]
    counts = np.clip(sum(shown), 0, 1)
    wander = noise(causes.frames, 5, 0.03, rng, 0.98).T
    down, forward, inward, bend, turned = style.arms[number][:, None] + wander
    shoulder, elbow = arm_rotations(
        down + 1.25 - 0.12 * lift - 0.06 * beat,
        forward + 0.25 + 0.20 * lift + 0.15 * beat + 0.2 * counts,
        inward + 0.50 - 0.10 * lift - 0.30 * beat - 0.45 * apart + 0.15 * near,
        bend + 1.80 + 0.30 * lift + 0.12 * beat + 0.25 * counts,
        turned + 0.55 + 0.20 * lift - 0.50 * beat - 0.60 * palms,
    )
    zero = np.zeros(causes.frames)
    wrist = axis_angle(zero, zero + 0.5 * palms, 0.15 + 0.25 * beat - 0.1 * lift - 0.2 * near)
    pose = {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}
    pose = {joint: rotation + noise(causes.frames, 3, NOISE["joints"], rng) for joint, rotation in pose.items()}
    curl = np.clip(0.55 - 0.3 * lift - 0.2 * beat - 0.35 * palms - 0.3 * apart, 0, 1.2)
    curls = _fingers(curl, near, shown, counts)
    rest = style.fingers[number] + noise(causes.frames, 3 * len(HAND_JOINTS), NOISE["hands"], rng).reshape(-1, 15, 3)
    for i, joint in enumerate(HAND_JOINTS):
        finger = FINGERS.index(joint[:-1])
        pose[f"{side}_{joint}"] = rest[:, i] + axis_angle(zero, zero, -SHARES[finger] * curls[finger])
    sign = (1, -1, -1) if side == "right" else (1, 1, 1)
    return {joint: rotation * sign for joint, rotation in pose.items()}


def _fingers(curl: np.ndarray, near: np.ndarray, shown: list[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Curl of each finger [5, T]: of the hand, of thumb and index that pinch, and none of fingers that count."""
    curls = curl * (1 - counts) + 1.3 * counts  # the others make a fist
    curls = np.stack([curls] * len(FINGERS))
    for number, track in zip(COUNTING.values(), shown, strict=True):
        curls[:number] -= 1.3 * track
    curls[[0, 4]] += 0.7 * near
    return np.clip(curls, 0, 1.6)
