"""Settings of the speakers stage."""

from typing import Annotated, Literal

from pydantic import Field

from nonverbal.settings import Settings


class Tracks(Settings):
    """P3: faces and persons, followed through each shot."""

    backend: Literal["mediapipe", "yolo"]
    """mediapipe: full-range face detector, face mesh on each face; person boxes are estimated from the faces. yolo: the
    same faces, and the paper's detector of persons (AGPL-3.0)."""
    lowest_score: float = Field(ge=0, le=1)
    """Detections below this score are ignored; mediapipe's detector itself reports none below 0.6."""
    detect_every: int = Field(ge=1)
    """Frames from one detection to the next; in between, the face mesh follows each face."""
    least_overlap: float = Field(gt=0, le=1)
    """Intersection over union that joins a detection to a track."""
    longest_gap: int = Field(ge=0)
    """Frames a track may be lost and found again; they are filled by interpolation."""
    shortest_track: int = Field(gt=0)
    """Shorter tracks, and those that the detector saw in fewer frames, are dropped; a detection stands for
    `detect_every` frames."""
    shot_change: float = Field(gt=0, le=1)
    """A shot ends where 1 - correlation of two successive small pictures is above this..."""
    shot_change_ratio: float = Field(ge=1)
    """...and above this times its usual value in the half second before."""

    same_camera: float = Field(gt=0, le=1)
    """Correlation of two shots' mean small pictures from which they are from one camera."""
    descriptor: Literal["embedded", "mobilenet_v2"]
    """What a person looks like. embedded: colours around the face, 32 numbers; mobilenet_v2: the paper's network."""

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return [name for name in (self.backend, self.descriptor) if name not in ("mediapipe", "embedded")]

    @property
    def family(self) -> str:
        """The environment it runs in."""
        return "yolo" if self.backend == "yolo" else "vision"


class LightAsd(Settings):
    """A network that hears and sees whether a face speaks (Liao et al. 2023)."""

    weights: Literal["light_asd_talkset", "light_asd_ava"]
    """Row of the model registry: fine-tuned on TalkSet, or trained on AVA-ActiveSpeaker alone."""
    durations_s: tuple[Annotated[int, Field(gt=0)], ...] = Field(min_length=1)
    """A track is scored in stretches of these many seconds, and the scores averaged; one duration is one pass."""
    batch: int = Field(gt=0)
    """Faces encoded at once."""


class ActiveSpeaker(Settings):
    """P3: how likely each tracked face is speaking, each frame."""

    backend: Literal["motion", "light_asd"]
    """What the faces say, beside the diarized turns. motion: how much the mouth moves; light_asd: a network."""
    window_s: float = Field(gt=0)
    """motion: seconds over which it is averaged."""
    light_asd: LightAsd
    """Read where that is the backend."""
    same_person: float = Field(ge=-1, le=1)
    """Cosine of two tracks' descriptors from which they may be one person."""

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return [self.light_asd.weights] if self.backend == "light_asd" else []


class KeepVisible(Settings):
    """F5: speaking frames against words."""

    enabled: bool
    """false keeps every clip."""
    frames_per_word: float = Field(ge=0)
    """Drop a clip with fewer speaking frames than this times its words (paper: 1)."""


class Crops(Settings):
    """P4: which person speaks each utterance (algorithm 1), boxes of that person."""

    margin: float = Field(ge=1)
    """Person boxes are scaled by this about their centre."""


class Speakers(Settings):
    """Face and person tracks, active speaker, who is who, crops."""

    tracks: Tracks
    active_speaker: ActiveSpeaker
    keep_visible: KeepVisible
    crops: Crops
