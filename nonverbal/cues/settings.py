"""Settings of the cues stage."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from nonverbal.settings import Settings


class OpenFaceSettings(Settings):
    """Facial actions and jaw of an open face model, fitted to mediapipe's face mesh; not FLAME."""

    margin: float = Field(ge=1)
    """The face box is scaled by this about its centre before the mesh looks at it."""
    ridge: float = Field(gt=0)
    """Strength of the pull to 0; larger is calmer and weaker."""
    symmetry: float = Field(ge=0)
    """Strength of the pull of left and right, and of a brow's parts, to each other."""
    sparsity: float = Field(ge=0)
    """Evidence that an action must have before it leaves 0."""
    rest: float = Field(ge=0, lt=1)
    """Quantile of a person's frames that is taken as each action's zero."""
    least_confidence: float = Field(ge=0, le=1)
    """Frames below are not valid; their reason is unsure."""


class EmocaSettings(Settings):
    """The published encoders, from a checkpoint that its users register for."""

    margin: float = Field(ge=1)
    """Of the square that is shown to the encoders, over the face box (published: 1.25)."""
    least_px: int = Field(gt=0)
    """A face box that is narrower or lower than this is too small to be read."""
    batch: int = Field(gt=0)
    """Faces at a time."""


class FlameSettings(Settings):
    """FLAME fitted to mediapipe's face mesh, with the file that its users register for."""

    margin: float = Field(ge=1)
    """The face box is scaled by this about its centre before the mesh looks at it."""
    least_px: int = Field(gt=0)
    """A face box that is narrower or lower than this is too small to be read."""
    noise_mm: float = Field(gt=0)
    """Standard deviation of a landmark, on the head."""
    outlier: float = Field(gt=0)
    """Distance in standard deviations at which a landmark counts half."""
    depth: float = Field(ge=0, le=1)
    """What the mesh's depth counts, of what its place in the picture counts."""
    change: float = Field(gt=0)
    """Standard deviation of an expression's change from frame to frame, in its own standard deviations."""
    shape_frames: int = Field(gt=0)
    """Of a person, spread over the clip, that its shape is found from, at most."""
    steps: int = Field(gt=0)
    """Of a fit, at most."""
    least_confidence: float = Field(ge=0, le=1)
    """Frames below are not valid."""


class Face(Settings):
    """P6: face parameters a frame."""

    backend: Literal["open_face", "emoca", "flame"]
    """open_face: an open face model's actions and jaw. emoca: FLAME by EMOCA v2 (paper). flame: FLAME by landmarks."""
    open_face: OpenFaceSettings
    emoca: EmocaSettings
    flame: FlameSettings

    @property
    def models(self) -> list[str]:
        """Models to be fetched or put in place."""
        return {"open_face": [], "emoca": ["emoca"], "flame": ["flame", "flame_landmarks"]}[self.backend]

    @property
    def gpus(self) -> int:
        """That a job of the backend wants."""
        return int(self.backend == "emoca")


class OsxSettings(Settings):
    """OSX, run in an environment of its own; its code and weights are put in place by whoever uses it."""

    checkout: str | None = Field(pattern=r"^[\w./-]+$")
    """Folder of a checkout of its repository with SMPL-X's files in it; null where another backend is used."""
    python: str | None = Field(pattern=r"^[\w./-]+$")
    """The Python of its environment; null where another backend is used."""
    least_px: int = Field(gt=1)
    """A crop that is narrower or lower than this is too small to be read."""
    batch: int = Field(gt=0)
    """Crops at a time."""
    timeout_s: int = Field(gt=0)
    """Without an answer to a batch, after which it is taken for dead; the first takes as long as loading it does."""


class MediapipeIkSettings(Settings):
    """Kinematic body fitted to mediapipe's points, from inverse kinematics."""

    arm_seen: float = Field(ge=0, le=1)
    """Visibility that shoulder, elbow and wrist must have, or the arm is unknown."""
    margin: float = Field(ge=0)
    """Widths of the shoulders that elbow and wrist must be away from the picture's edge, or the arm is unknown."""
    hand_score: float = Field(ge=0, le=1)
    """Score that a hand must have, or it is unknown."""
    hand_inside: float = Field(ge=0, le=1)
    """Share of a hand's points that must be in the picture, or it is unknown."""
    wrist_apart: float = Field(gt=0)
    """Widths of the shoulders that the hand's wrist may be off the pose's, or the hand is unknown."""
    doubt: float = Field(ge=1)
    """Landmarks count as if this many times less exact than single frames of strangers: errors last for many frames."""
    steps: int = Field(gt=0)
    """Of a fit, at most."""
    outlier: float = Field(gt=0)
    """Standard deviations at which a landmark counts half."""


class Body(Settings):
    """P5: body parameters a frame."""

    backend: Literal["mediapipe_ik", "osx"]
    """mediapipe_ik: mediapipe pose and hands -> joint rotations in SMPL-X convention. osx: SMPL-X by OSX (paper)."""
    mediapipe_ik: MediapipeIkSettings
    osx: OsxSettings

    @property
    def models(self) -> list[str]:
        """Models to be fetched or put in place."""
        return ["osx"] if self.backend == "osx" else []

    @property
    def gpus(self) -> int:
        """That a job of the backend wants."""
        return int(self.backend == "osx")


class PublishedSettings(Settings):
    """Savitzky-Golay a feature, an utterance (paper: window 5, order 2)."""

    window: int = Field(ge=1)
    """Frames; odd, cut to the largest odd number that fits."""
    order: int = Field(ge=0)
    """Polynomial order, cut to window - 1."""


class AdaptiveSettings(Settings):
    """Local polynomials weighted by confidence, rotations as quaternions, reach by cross-validation."""

    order: int = Field(ge=0, le=3)
    """Of the polynomials."""
    reaches: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    """Frames before and after that a fit may look at, ascending; one is chosen a number or joint."""
    slack: float = Field(ge=1)
    """The widest reach is taken whose cross-validated error is at most this times the least."""

    @field_validator("reaches")
    @classmethod
    def _ascending(cls, reaches: tuple[int, ...]) -> tuple[int, ...]:
        if list(reaches) != sorted(set(reaches)):
            raise ValueError("must be ascending")
        return reaches


class Smooth(Settings):
    """Smoothing over time, in unbroken runs of known frames of an utterance."""

    method: Literal["published", "adaptive"]
    """published: Savitzky-Golay (paper). adaptive: local polynomials, see there."""
    published: PublishedSettings
    adaptive: AdaptiveSettings


class Cues(Settings):
    """Face and body parameters, smoothed."""

    face: Face
    body: Body
    smooth: Smooth
