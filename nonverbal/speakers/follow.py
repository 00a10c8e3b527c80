"""Following faces from frame to frame within a shot."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from nonverbal.speakers.boxes import overlaps
from nonverbal.speakers.descriptor import describe
from nonverbal.speakers.faces import FaceFinder
from nonverbal.speakers.settings import Tracks


@dataclass(frozen=True)
class Sighting:
    """One track in one frame; `score` 0 where the detector was silent and the mesh alone saw the face."""

    frame: int
    score: float
    box: np.ndarray
    mouth_open: float
    descriptor: np.ndarray


@dataclass(eq=False)  # two tracks are the same only if they are one
class Track:
    """The sightings of one face in one shot, in order of frames."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def box(self) -> np.ndarray:
        """Where it was seen last."""
        return self.sightings[-1].box

    def detections(self) -> int:
        """Frames in which the detector saw it."""
        return sum(sighting.score > 0 for sighting in self.sightings)


class Follower:
    """Joins the faces of successive frames into tracks, which end at a cut or after too long a gap.

    A track that the detector loses (a face in profile) goes on while the mesh still finds the face where it was.
    """

    def __init__(self, finder: FaceFinder, settings: Tracks) -> None:
        self.finder, self.settings = finder, settings
        self.alive: list[Track] = []
        self.ended: list[Track] = []

    def see(self, number: int, frame: np.ndarray, cut: bool) -> None:
        """Take the next frame, uint8 RGB; `cut` says that it begins a shot."""
        if cut:
            self._end(self.alive)
        self._end([t for t in self.alive if number - t.sightings[-1].frame > self.settings.longest_gap + 1])
        boxes, scores = self.finder.detect(frame)
        sure = scores >= self.settings.lowest_score
        boxes, scores = boxes[sure], scores[sure]
        mine = match([track.box for track in self.alive], boxes, self.settings.least_overlap)
        lost = [track for i, track in enumerate(self.alive) if i not in mine]
        for i, j in mine.items():
            self._sight(self.alive[i], number, frame, boxes[j], scores[j])
        for j in sorted(set(range(len(boxes))) - set(mine.values())):
            self.alive.append(Track())
            self._sight(self.alive[-1], number, frame, boxes[j], scores[j])
        for track in lost:
            self._look_again(track, number, frame)

    def finish(self) -> list[Track]:
        """End all tracks; those that are long enough, in order of their first frame and place."""
        self._end(self.alive)
        kept = [track for track in self.ended if track.detections() >= self.settings.shortest_track]
        return sorted(kept, key=lambda track: (track.sightings[0].frame, track.sightings[0].box[0]))

    def _sight(self, track: Track, number: int, frame: np.ndarray, box: np.ndarray, score: float) -> None:
        mouth = self.finder.mouth(frame, box)
        opening = mouth.opening if mouth else np.nan
        track.sightings.append(Sighting(number, float(score), box, opening, describe(frame, box)))

    def _look_again(self, track: Track, number: int, frame: np.ndarray) -> None:
        mouth = self.finder.mouth(frame, track.box)
        if mouth is None:
            return
        others = [other.box for other in self.alive if other is not track and other.sightings[-1].frame == number]
        if not match([mouth.box], np.array(others).reshape(-1, 4), self.settings.least_overlap):
            track.sightings.append(Sighting(number, 0.0, mouth.box, mouth.opening, describe(frame, mouth.box)))

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
