"""Settings of the cues stage."""

from typing import Literal

from pydantic import Field

from nonverbal.settings import Settings


class Face(Settings):
    """P6: face parameters a frame."""

    backend: Literal["open_face"]
    """open_face: mediapipe face mesh -> facial actions and jaw of an open face model; not FLAME."""
    margin: float = Field(ge=1)
    """The face box is scaled by this about its centre before the mesh looks at it."""
    ridge: float = Field(gt=0)
    """Strength of the pull to 0; larger is calmer and weaker."""
    sparsity: float = Field(ge=0)
    """Evidence that an action must have before it leaves 0."""
    rest: float = Field(ge=0, lt=1)
    """Quantile of a person's frames that is taken as each action's zero."""


class Body(Settings):
    """P5: body parameters a frame."""

    backend: Literal["mediapipe_ik"]
    """mediapipe_ik: mediapipe pose and hands -> joint rotations in SMPL-X convention; not OSX."""


class Smooth(Settings):
    """Savitzky-Golay a feature, an utterance (paper: window 5, order 2)."""

    window: int = Field(ge=1)
    """Frames; odd, cut to the largest odd number that fits."""
    order: int = Field(ge=0)
    """Polynomial order, cut to window - 1."""


class Cues(Settings):
    """Face and body parameters, smoothed."""

    face: Face
    body: Body
    smooth: Smooth
