"""A video of the source and, beside it, an avatar that the smoothed parameters drive, with words and sound."""

from pathlib import Path

import cv2
import numpy as np

from nonverbal.cues.frames import FACE as FACE_BOX
from nonverbal.cues.frames import crop
from nonverbal.layouts import FPS
from nonverbal.progress import track
from nonverbal.views.figure import Figures, Screen
from nonverbal.views.found import WHITE, Found, find, frames_of
from nonverbal.views.landmarks import Landmarks, draw_body, draw_face, landmarks
from nonverbal.views.motion import Motion, motions_of
from nonverbal.views.paint import GREY, LINE, Colour, Pen, Subtitles, draw_box, write_film

HEIGHT = 480  # of source and avatar
BODY, FACE = (400, HEIGHT), (240, 240)  # the avatar's body; its face, below the source's
LINES = 2  # of words below
FACE_MARGIN = 1.6  # of the face box, to show the source's face
SMALL = 16  # pixels: letters of captions


class Panel:
    """One speaker's part of the picture: the avatar's body, the source's face and the avatar's face.

    Args:
        found: the clip.
        motion: the speaker's parameters.
        screen: draws the avatar.
    """

    width = BODY[0] + FACE[0]

    def __init__(self, found: Found, motion: Motion, screen: Screen) -> None:
        self.motion, self.screen, self.colour = motion, screen, found.colour_of(motion.speaker)
        rows = found.crops[found.crops["speaker"] == motion.speaker].drop_duplicates("frame")
        self.crops = rows.set_index("frame", drop=False)
        self.marks: Landmarks | None = None
        self.pen = Pen(BODY[0], SMALL)

    def draw(self, number: int, frame: np.ndarray) -> np.ndarray:
        """Frame `number` of the clip, uint8 RGB [HEIGHT, width, 3]."""
        place = number - self.motion.span.first
        canvas = np.zeros((HEIGHT, self.width, 3), np.uint8)
        body, face = self.screen.draw(place, BODY, FACE)
        canvas[:, : BODY[0]], canvas[FACE[1] :, BODY[0] :] = body, face
        canvas[: FACE[1], BODY[0] :] = self._source_face(number, frame)
        self.pen.write(canvas, self.screen.caption, (6, SMALL + 4), self.colour)
        held = self.motion.held(place)
        if held:
            everything = len(held) == len(self.motion.known)
            words = "no parameters in this frame" if everything else "held: " + ", ".join(short(held))
            self.pen.write(canvas, words, (6, HEIGHT - 8), GREY)
        return canvas

    def source(self, canvas: np.ndarray, number: int, scale: float) -> None:
        """Draw box and landmarks of the speaker on the source's picture."""
        if number in self.crops.index:
            draw_box(canvas, self.crops.loc[number].to_dict(), "person", scale, self.colour, 2)
        if self.marks is not None:
            place = number - self.motion.span.first
            draw_face(canvas, self.marks.shown[place] * scale, self.colour)
            draw_body(canvas, self.marks, place, scale)

    def _source_face(self, number: int, frame: np.ndarray) -> np.ndarray:
        """The source's face with its points, black where it was not found."""
        view = None
        if number in self.crops.index:
            view = crop(frame, self.crops.loc[number][FACE_BOX].to_numpy(float), FACE_MARGIN, square=True)
        if view is None:
            return np.zeros((*FACE[::-1], 3), np.uint8)
        near = cv2.resize(view.picture, FACE, interpolation=cv2.INTER_LINEAR)
        if self.marks is not None:
            scale = np.array(FACE) / view.picture.shape[1::-1]
            place = number - self.motion.span.first
            for points, colour in ((self.marks.mesh, WHITE), (self.marks.face, self.colour)):
                draw_face(near, (points[place] - (view.x, view.y)) * scale, colour)
        return near


def short(parts: list[str]) -> list[str]:
    """Names of parts, both sides as one: left arm and right arm are arms."""
    for name in ("arm", "hand"):
        sides = [f"left {name}", f"right {name}"]
        if set(sides) <= set(parts):
            parts = [part if part != sides[0] else f"{name}s" for part in parts if part != sides[1]]
    return parts


class Stage:
    """Draws source, avatars and words, a picture a frame.

    Args:
        found: the clip.
        utterance_id: what is shown; None for the whole clip with all who speak.
        figures: the models at hand.
        marked: whether landmarks are looked for and drawn.
    """

    def __init__(self, found: Found, utterance_id: int | None, figures: Figures, marked: bool = True) -> None:
        self.found, self.span = found, found.span(utterance_id)
        self.scale = HEIGHT / found.clip["height"]
        self.source_width = round(found.clip["width"] * self.scale / 2) * 2
        self.panels = [Panel(found, motion, Screen(figures, motion)) for motion in motions_of(found, utterance_id)]
        if marked:
            for panel in self.panels:
                panel.marks = landmarks(found, panel.motion, figures.anny.person.avatar)
        words = found.words if utterance_id is None else found.words[found.words["utterance_id"] == utterance_id]
        self.words = Subtitles(words, self.size[0], self.colour_of)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn."""
        return self.source_width + sum(panel.width for panel in self.panels), HEIGHT + LINES * LINE

    def colour_of(self, speaker: int) -> Colour:
        """A speaker's colour."""
        return self.found.colour_of(speaker)

    def draw(self, number: int, frame: np.ndarray) -> np.ndarray:
        """Frame `number` of the clip, uint8 RGB."""
        width, height = self.size
        canvas = np.zeros((height, width, 3), np.uint8)
        source = cv2.resize(frame, (self.source_width, HEIGHT), interpolation=cv2.INTER_AREA)
        left = self.source_width
        for panel in self.panels:
            panel.source(source, number, self.scale)
            canvas[:HEIGHT, left : left + panel.width] = panel.draw(number, frame)
            left += panel.width
        canvas[:HEIGHT, : self.source_width] = source
        self.words.draw(canvas, HEIGHT, number / FPS)
        return canvas


def avatar(results: Path, clip_id: str, utterance_id: int | None, out: Path, models: Path | None = None) -> None:
    """Write the video of an utterance, or of a whole clip with all who speak.

    Raises:
        UserError: the results hold no such clip or utterance, or nothing is known of who speaks.
    """
    film(find(results, clip_id), utterance_id, Figures(models), out)


def film(found: Found, utterance_id: int | None, figures: Figures, out: Path) -> None:
    """Write the video; see `avatar`."""
    stage = Stage(found, utterance_id, figures)
    frames = track(frames_of(found, stage.span), "avatar", len(stage.span))
    write_film(out, (stage.draw(number, frame) for number, frame in frames), stage.size, found.audio, stage.span)
