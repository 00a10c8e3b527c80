"""Following faces from frame to frame within a shot."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from nonverbal.speakers.boxes import overlaps
from nonverbal.speakers.descriptor import Describer
from nonverbal.speakers.faces import FaceFinder, Mouth
from nonverbal.speakers.settings import Tracks

LOOK_EVERY = 12  # frames after which a person is described anew: looks change less than a mouth does


@dataclass(frozen=True)
class Sighting:
    """One track in one frame.

    Attributes:
        score: the detector's; between two detections the last one it gave; 0 where it looked and was silent, so that
            the mesh alone saw the face.
        box: [4], the detector's, or the mesh's where the detector was not asked or silent.
        detected: whose it is.
        mesh: the face seen closely, None where the mesh found none.
    """

    frame: int
    score: float
    box: np.ndarray
    detected: bool
    mesh: Mouth | None


@dataclass(eq=False)  # two tracks are the same only if they are one
class Track:
    """One face in one shot.

    Attributes:
        shot: its number in the clip.
        camera: of the shot; known when the clip has ended.
        sightings: in order of frames.
        looks: descriptor of the person, by frame; a few times a second.
    """

    shot: int
    camera: int = -1
    sightings: list[Sighting] = field(default_factory=list)
    looks: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def last(self) -> Sighting:
        """Where it was seen last."""
        return self.sightings[-1]


class Follower:
    """Joins the faces of successive frames into tracks, which end at a cut or after too long a gap.

    The detector looks at the first frame of a shot and at every n-th after it. In between, and where it loses a face
    (in profile, say), the mesh follows: it looks about the place where the face was and says where it is now.
    """

    def __init__(self, finder: FaceFinder, describer: Describer, settings: Tracks) -> None:
        self.finder, self.describer, self.settings = finder, describer, settings
        self.shot, self.shot_start = -1, 0
        self.alive: list[Track] = []
        self.ended: list[Track] = []

    def see(self, number: int, frame: np.ndarray, cut: bool) -> bool:
        """Take the next frame, uint8 RGB; `cut` says that it begins a shot. Whether the detector looked at it."""
        if cut or self.shot < 0:
            self._end(self.alive)
            self.shot, self.shot_start = self.shot + 1, number
        longest = self.settings.longest_gap + self.settings.detect_every
        self._end([track for track in self.alive if number - track.last.frame > longest])
        detect = (number - self.shot_start) % self.settings.detect_every == 0
        if detect:
            self._detect(number, frame)
        else:
            self._follow(self.alive, number, frame, silent=False)
        return detect

    def finish(self) -> list[Track]:
        """End all tracks; those that are long enough, in order of their first frame and place."""
        self._end(self.alive)
        kept = [track for track in self.ended if self._length(track) >= self.settings.shortest_track]
        return sorted(kept, key=lambda track: (track.sightings[0].frame, track.sightings[0].box[0]))

    def _length(self, track: Track) -> int:
        """Frames that the detector vouches for."""
        span = track.last.frame - track.sightings[0].frame + 1
        return min(sum(sighting.detected for sighting in track.sightings) * self.settings.detect_every, span)

    def _detect(self, number: int, frame: np.ndarray) -> None:
        boxes, scores = self.finder.detect(frame)
        sure = scores >= self.settings.lowest_score
        boxes, scores = boxes[sure], scores[sure]
        mine = match([track.last.box for track in self.alive], boxes, self.settings.least_overlap)
        lost = [track for i, track in enumerate(self.alive) if i not in mine]
        new = sorted(set(range(len(boxes))) - set(mine.values()))
        owners = {j: self.alive[i] for i, j in mine.items()} | {j: Track(self.shot) for j in new}
        self.alive += [owners[j] for j in new]
        for j, track in owners.items():
            mesh = self.finder.mouth(frame, boxes[j])
            track.sightings.append(Sighting(number, float(scores[j]), boxes[j], True, mesh))
        self._follow(lost, number, frame, silent=True)
        self._describe(list(owners.values()), number, frame)

    def _follow(self, tracks: list[Track], number: int, frame: np.ndarray, silent: bool) -> None:
        """Let the mesh say where faces are now; `silent`: the detector looked and did not see them."""
        for track in tracks:
            mesh = self.finder.mouth(frame, track.last.box)
            if mesh and self._nearest(mesh.box) is track:  # a neighbour's face is not this one
                score = 0.0 if silent else track.last.score
                track.sightings.append(Sighting(number, score, mesh.box, False, mesh))

    def _nearest(self, box: np.ndarray) -> Track:
        shared = overlaps(box[None], np.array([track.last.box for track in self.alive]))[0]
        return self.alive[int(shared.argmax())]

    def _describe(self, tracks: list[Track], number: int, frame: np.ndarray) -> None:
        due = [track for track in tracks if number >= max(track.looks, default=-LOOK_EVERY) + LOOK_EVERY]
        if due:
            looks = self.describer.describe(frame, np.stack([track.last.box for track in due]))
            for track, look in zip(due, looks, strict=True):
                track.looks[number] = look

    def _end(self, tracks: list[Track]) -> None:
        self.ended += tracks
        self.alive = [track for track in self.alive if track not in tracks]


def match(known: list[np.ndarray], found: np.ndarray, least: float) -> dict[int, int]:
    """Known box -> box found [m, 4] that continues it: the pairs of greatest total overlap, each at least `least`."""
    if not known or not len(found):
        return {}
    overlap = overlaps(np.array(known), found)
    # Pairs below the limit weigh nothing, so that they never push out a good pair.
    pairs = zip(*linear_sum_assignment(np.where(overlap >= least, overlap, 0), maximize=True), strict=True)
    return {int(i): int(j) for i, j in pairs if overlap[i, j] >= least}
