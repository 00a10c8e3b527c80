"""Make one video of the demonstration: sound, picture, captions, thumbnail, and the truth of all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import torch

from nonverbal.avatar.dress import Person
from nonverbal.avatar.render import Camera, Canvas
from nonverbal.demo.motion import Motion, animate, gestured
from nonverbal.demo.seen import PARTS, Seen
from nonverbal.demo.settings import Video
from nonverbal.demo.studio import HEIGHT, PLACES, SEAT_M, TABLE_M, WIDTH, cameras, furniture, slide
from nonverbal.demo.timeline import Timeline, cut_shots, make_timeline
from nonverbal.demo.truth_files import Body, SpokenTurn, Truth, Word, write_truth
from nonverbal.layouts import FPS
from nonverbal.media import VideoWriter, run_ffmpeg, write_audio
from nonverbal.progress import track
from nonverbal.shards import digest

BATCH = 50  # frames posed at once
CUE_WORDS = 6
SEEN_SHARE = 0.6  # part of a face that must be in the picture for its person to be visible
SLIDE_S = 4.0


@dataclass(frozen=True)
class Actor:
    """A person at a place of the table, their motion, and their number in the script."""

    person: Person
    motion: Motion
    place: np.ndarray
    number: int

    @cached_property
    def seen(self) -> Seen:
        """What pictures show of the person."""
        return Seen(self.person)

    @cached_property
    def ahead(self) -> np.ndarray:
        """Where the face looks in each frame, directions in the world [T, 3]."""
        return self.seen.ahead(self.motion.body)

    def posed(self, frames: slice) -> np.ndarray:
        """Body vertices in the world for some frames, [N, V, 3]."""
        body, face = (torch.from_numpy(values[frames]) for values in (self.motion.body, self.motion.face))
        return self.person.pose(body, face)[0] + self.place

    def head(self) -> np.ndarray:
        """World position of the head joint at the first frame, [3]."""
        first = slice(0, 1)
        body, face = (torch.from_numpy(values[first]) for values in (self.motion.body, self.motion.face))
        return self.person.pose(body, face)[1][0, 15] + self.place


def corpus(media: Path, truth: Path, video: str, settings: Video, channels: list[str], seed: int) -> None:
    """Render one video.

    Args:
        media: folder to write: VIDEO.mp4 (as the server shall answer), VIDEO.vtt, VIDEO.jpg.
        truth: folder to write, see `truth_files`.
        video: its key in demo/corpus.yaml.
        settings: people, script, fate.
        channels: ids of the channels that list it.
        seed: of gestures, pauses and cuts.
    """
    generator = np.random.default_rng(int(digest([video, seed]), 16))
    timeline = make_timeline(settings, generator)
    media.mkdir(parents=True, exist_ok=True)
    actors = _actors(settings, timeline, generator)
    shots = cut_shots(timeline, len(actors), generator)
    if settings.picture == "slides":
        shots = [f"slide{int(frame / FPS / SLIDE_S)}" for frame in range(timeline.frames)]
    silent_film = media / ".picture.mp4"
    rows, thumbnail = film(silent_film, settings, actors, shots, timeline, video)
    with_sound(silent_film, media / f"{video}.mp4", timeline.samples)
    _serve(media / f"{video}.mp4", settings.served)
    picture = _slide_canvas(settings, 0).draw([]) if settings.thumbnail == "slide" else thumbnail
    cv2.imwrite(str(media / f"{video}.jpg"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    if settings.captions:
        (media / f"{video}.vtt").write_text(captions(timeline), encoding="utf-8")
    write_truth(truth, _truth(video, settings, channels, timeline, actors), rows)


def _actors(settings: Video, timeline: Timeline, generator: np.random.Generator) -> list[Actor]:
    actors = []
    places = PLACES[len(settings.people)]
    for i, (person, x) in enumerate(zip(settings.people.values(), places, strict=True)):
        motion = animate(timeline.part(i), timeline.partner(i), timeline.frames, float(np.sign(x)), generator)
        motion = gestured(motion, [gesture for gesture in settings.gestures if gesture.person == i])
        actors.append(Actor(Person(person.look), motion, np.array([x, SEAT_M, 0.0], np.float32), i))
    return actors


def film(
    path: Path, settings: Video, actors: list[Actor], shots: list[str], timeline: Timeline, label: str
) -> tuple[pa.Table, np.ndarray]:
    """Write the picture; return the truth of its frames and a wide picture of the people for the thumbnail."""
    views = cameras(len(actors), np.stack([actor.head() for actor in actors]))
    still = furniture(len(actors), settings.wall, settings.accent)
    canvases = {name: Canvas(view, still) for name, view in views.items() if name in (*shots, "wide")}
    canvases |= {name: _slide_canvas(settings, int(name[5:])) for name in set(shots) if name.startswith("slide")}
    rows: list[dict] = []
    with VideoWriter(path, WIDTH, HEIGHT) as writer:
        for frame, moment in enumerate(track(_moments(actors, len(shots)), label, total=len(shots))):
            canvas, on_slide = canvases[shots[frame]], shots[frame].startswith("slide")
            seen = [_boxes(actor, vertices, canvas.camera) for actor, vertices in zip(actors, moment, strict=True)]
            present = [] if on_slide else [i for i, boxes in enumerate(seen) if "person_x0" in boxes]
            picture, depth = canvas.draw_with_depth([actors[i].person.surface(moment[i]) for i in present])
            writer.write(picture)
            for i in present:
                seen[i] |= _visible(actors[i], frame, moment[i], canvas.camera, depth)
            rows += _frame_rows(frame, shots[frame], [{} if on_slide else known for known in seen], actors, timeline)
    thumbnail = canvases["wide"].draw([actor.person.surface(actor.posed(slice(-1, None))[0]) for actor in actors])
    return pa.Table.from_pylist(rows), thumbnail


def _slide_canvas(settings: Video, number: int) -> Canvas:
    return Canvas(cameras(1, np.array([[0.0, 1.25, 0.0]]))["wide"], slide(3 + number % 3, settings.accent))


def _moments(actors: list[Actor], frames: int) -> Iterator[list[np.ndarray]]:
    """Body vertices of all actors, frame by frame."""
    for start in range(0, frames, BATCH):
        posed = [actor.posed(slice(start, min(start + BATCH, frames))) for actor in actors]
        yield from (list(moment) for moment in zip(*posed, strict=True))


def _boxes(actor: Actor, vertices: np.ndarray, camera: Camera) -> dict[str, float | bool]:
    """Boxes of face and person inside the picture; empty where the person is out of it."""
    body = vertices[actor.person.drawn]
    whole = _box(camera.project(body[body[:, 1] > TABLE_M])[0])
    if _share_inside(whole) == 0.0:
        return {}
    face = _box(camera.project(vertices[actor.person.face])[0])
    boxes: dict[str, float | bool] = {"visible": _share_inside(face) >= SEEN_SHARE}
    for name, box in (("person", whole), ("face", face)):
        if _share_inside(box) > 0:
            clipped = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
            boxes |= {
                f"{name}_{side}": float(value) for side, value in zip(("x0", "y0", "x1", "y1"), clipped, strict=True)
            }
    return boxes


def _visible(actor: Actor, frame: int, vertices: np.ndarray, camera: Camera, depth: np.ndarray) -> dict[str, float]:
    """How much of each part the picture shows, and how far the face is turned away."""
    shares = actor.seen.shares(vertices, camera, depth)
    turned = actor.seen.turned(actor.ahead[frame], vertices, camera)
    return {f"{part}_seen": share for part, share in shares.items()} | {"head_turn": turned}


def _box(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _share_inside(box: np.ndarray) -> float:
    """Part of a box's area that lies in the picture."""
    inside = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    return float(np.prod(inside[2:] - inside[:2]) / np.prod(box[2:] - box[:2]))


def _frame_rows(frame: int, shot: str, seen: list[dict], actors: list[Actor], timeline: Timeline) -> list[dict]:
    middle = (frame + 0.5) / FPS
    speaking = {turn.person for turn in timeline.turns if turn.start_s <= middle < turn.end_s}
    return [
        {"frame": frame, "person": actor.number, "shot": shot, "speaking": actor.number in speaking}
        | {"visible": boxes.get("visible", False)}
        | {
            f"{name}_{side}": boxes.get(f"{name}_{side}", np.nan)
            for name in ("face", "person")
            for side in ("x0", "y0", "x1", "y1")
        }
        | {"head_turn": boxes.get("head_turn", np.nan)}
        | {f"{part}_seen": boxes.get(f"{part}_seen", 0.0) for part in PARTS}
        | {"actions": actor.motion.face[frame], "body": actor.motion.body[frame]}
        for boxes, actor in zip(seen, actors, strict=True)
    ]


def with_sound(picture: Path, target: Path, samples: np.ndarray) -> None:
    """Join a silent film, which is removed, and its sound, [samples] or [samples, channels]."""
    sound = picture.with_suffix(".wav")
    write_audio(sound, samples)
    run_ffmpeg(
        "-i", str(picture), "-i", str(sound), "-c:v", "copy", "-c:a", "aac", "-b:a", "96k", "-threads", "1",
        "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", str(target),
    )  # fmt: skip
    picture.unlink()
    sound.unlink()


def _serve(target: Path, served: str) -> None:
    """Leave what the server shall answer: the whole video, half of it, text, or nothing."""
    if served == "truncated":
        content = target.read_bytes()
        target.write_bytes(content[: len(content) // 2])
    elif served == "text":
        target.write_text("This is not a video, whatever its name says.\n" * 40, encoding="utf-8")
    elif served == "missing":
        target.unlink()


def captions(timeline: Timeline) -> str:
    """WebVTT as an uploader would make it: cues of a few words, no names, times to the millisecond."""
    cues = ["WEBVTT\n"]
    for turn in timeline.turns:
        for first in range(0, len(turn.words), CUE_WORDS):
            words = turn.words[first : first + CUE_WORDS]
            span = f"{_stamp(words[0].start_s)} --> {_stamp(words[-1].end_s)}"
            cues.append(f"{span}\n{' '.join(word.text for word in words)}\n")
    return "\n".join(cues)


def _stamp(seconds: float) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds:03d}"


def _truth(video: str, settings: Video, channels: list[str], timeline: Timeline, actors: list[Actor]) -> Truth:
    expected = settings.expected
    return Truth(
        video=video,
        guid=settings.guid or video,
        title=settings.title,
        channels=channels,
        people=list(settings.people),
        language=settings.language,
        length_s=settings.length_s,
        expected_table=expected.table if expected else "",
        expected_reason=expected.reason if expected else "",
        turns=spoken_turns(timeline),
        bodies=true_bodies([actor.person for actor in actors]),
    )


def true_bodies(people: list[Person]) -> list[Body]:
    """The truth of how people are built."""
    return [
        Body([[round(x, 5) for x in joint] for joint in person.avatar.rest_joints.tolist()], person.avatar.jaw_angle)
        for person in people
    ]


def spoken_turns(timeline: Timeline) -> list[SpokenTurn]:
    """The truth of what is said."""
    return [
        SpokenTurn(turn.person, turn.start_s, turn.end_s, turn.text, [Word(**vars(word)) for word in turn.words])
        for turn in timeline.turns
    ]
