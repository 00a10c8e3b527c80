"""Make a studio dialogue: two cameras, a microphone an actor that hears a little of the other, its script, the truth.

Beside it lie two files that must be dropped: one in mono, and one whose name says nothing.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from nonverbal.avatar.dress import Person
from nonverbal.demo.corpus import Actor, film, spoken_turns, true_bodies, with_sound
from nonverbal.demo.motion import animate
from nonverbal.demo.settings import StudioDialogue, Video
from nonverbal.demo.studio import SEAT_M
from nonverbal.demo.timeline import Timeline, make_timeline
from nonverbal.demo.truth_files import Truth, write_truth
from nonverbal.media import run_ffmpeg
from nonverbal.shards import digest
from nonverbal.studio.names import SIDES

NOISE = 10 ** (-65 / 20)  # of each microphone, root mean square


def recordings(
    studio: Path, script: Path, truth: list[Path], settings: StudioDialogue, language: str, seed: int
) -> None:
    """Render both cameras' recordings.

    Args:
        studio: folder to write: the recordings.
        script: JSON to write, in the published form.
        truth: folders to write, see `truth_files`; each has the name of a recording.
        settings: actors, lines, leak.
        language: of the lines.
        seed: of gestures and pauses.
    """
    generator = np.random.default_rng(int(digest([settings.dialogue_id, seed]), 16))
    timeline = make_timeline(settings.video(), generator)
    samples = leaked(timeline.channels, settings.leak_db, generator)
    studio.mkdir(parents=True, exist_ok=True)
    folders = {folder.name: folder for folder in truth}
    people = [Person(person.look) for person in settings.people.values()]
    bodies = true_bodies(people)
    for number, side in enumerate(SIDES):
        name = f"{settings.dialogue_id}_{side}"
        rows = _record(studio / f"{name}.mp4", settings.video(), people, number, timeline, samples, generator)
        known = _truth(name, settings.dialogue_id, settings, language, timeline)
        write_truth(folders[name], replace(known, bodies=bodies), rows)
    for name, (channel, table, reason) in settings.bad(studio.name).items():
        whole = studio / f"{settings.dialogue_id}_{SIDES[0]}.mp4"
        change = ("-ac", "1") if reason == "not_stereo" else ("-t", "2")  # another content is another video
        run_ffmpeg(
            "-i", str(whole), "-c:v", "copy", *change, "-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact",
            "-flags:a", "+bitexact", str(studio / f"{name}.mp4"),
        )  # fmt: skip
        known = _truth(name, channel, settings, language, timeline, table, reason)
        write_truth(folders[name], known, rows.slice(0, 0))
    text = json.dumps(script_of(settings, timeline), indent=1, ensure_ascii=False)
    script.write_text(text + "\n", encoding="utf-8")


def leaked(channels: np.ndarray, leak_db: float, generator: np.random.Generator) -> np.ndarray:
    """What two microphones hear, [samples, 2]: one voice, the other so many decibels lower, and noise."""
    heard = channels + 10 ** (leak_db / 20) * channels[::-1]
    return (heard + NOISE * generator.standard_normal(heard.shape)).T.astype(np.float32)


def _record(
    path: Path,
    video: Video,
    people: list[Person],
    number: int,
    timeline: Timeline,
    samples: np.ndarray,
    generator: np.random.Generator,
) -> pa.Table:
    """One camera's recording, which shows the actor of that number alone; the truth of its frames."""
    facing = 2.0 * number - 1  # the left actor looks to the right
    motion = animate(timeline.part(number), timeline.partner(number), timeline.frames, facing, generator)
    actor = Actor(people[number], motion, np.array([0.0, SEAT_M, 0.0], np.float32), number)
    picture = path.with_name(f".{path.name}")
    rows, _ = film(picture, video, [actor], ["single0"] * timeline.frames, timeline, path.stem)
    with_sound(picture, path, samples)
    return rows


def script_of(settings: StudioDialogue, timeline: Timeline) -> dict:
    """The script in the published form: this dialogue, whose speaker 1 stands left, and one that nobody recorded."""
    said = {turn.text for turn in timeline.turns}
    spoken = [
        (1 - line.person, line.emotion, line.text) for line in settings.said if line.emotion and line.text in said
    ]
    other = [(0, "joy", "The tickets came by post this morning."), (1, "surprise", "And you never told me about it?")]
    return {
        name: {
            "topic_label": topic,
            "num_utterances": len(lines),
            "utterances": [
                {"utterance_id": number, "speaker_id": speaker, "emotion_label": emotion, "text": text}
                for number, (speaker, emotion, text) in enumerate(lines)
            ],
        }
        for name, topic, lines in ((settings.script_id, settings.topic, spoken), ("9", "tickets", other))
    }


def _truth(
    name: str,
    channel: str,
    settings: StudioDialogue,
    language: str,
    timeline: Timeline,
    table: str = "",
    reason: str = "",
) -> Truth:
    return Truth(
        video=name,
        guid=name,
        title=name,
        channels=[channel],
        people=list(settings.people),
        language=language,
        length_s=settings.length_s,
        expected_table=table,
        expected_reason=reason,
        turns=spoken_turns(timeline),
    )
