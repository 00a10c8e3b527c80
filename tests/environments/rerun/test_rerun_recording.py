"""A recording, read back with rerun's own reader."""

import numpy as np
import pytest
from rerun.chunk import RrdReader

from nonverbal.views.figure import Figures, Screen
from nonverbal.views.found import find
from nonverbal.views.motion import motions_of
from nonverbal.views.rerun import rerun

FRAMES = 20  # of the utterance


@pytest.fixture
def motion(complete):
    return motions_of(find(complete, "v_000"), 0)[0]


@pytest.fixture
def recording(complete, tmp_path) -> RrdReader:
    rerun(complete, "v_000", 0, tmp_path / "utterance.rrd")
    return RrdReader(tmp_path / "utterance.rrd")


def column(recording: RrdReader, entity: str, name: str) -> tuple[list[float], list]:
    """Seconds and values of one component, in order of time; a static one has no seconds."""
    rows = []
    for chunk in recording.stream().to_chunks():
        batch = chunk.to_record_batch()
        if chunk.entity_path == entity and name in batch.schema.names:
            values = batch.column(name).to_pylist()
            times = [0.0] * len(values)
            if not chunk.is_static:
                times = [value.total_seconds() for value in batch.column("time").to_pylist()]
            rows += [row for row in zip(times, values, strict=True) if row[1] is not None]
    rows.sort(key=lambda row: row[0])
    return [time for time, _ in rows], [value for _, value in rows]


def test_everything_is_on_one_timeline(recording):
    moments = [frame / 25 for frame in range(FRAMES)]
    for entity, name in (
        ("/source", "VideoFrameReference:timestamp"), ("/source/face", "Points2D:positions"),
        ("/avatar/mesh", "Mesh3D:vertex_positions"), ("/avatar/joints", "Points3D:positions"),
    ):  # fmt: skip
        times, _ = column(recording, entity, name)
        assert np.allclose(times, moments, atol=1e-3), entity


def test_mesh_and_joints_are_the_avatars(recording, motion):
    figures = Figures()
    screen = Screen(figures, motion)
    _, joints = column(recording, "/avatar/joints", "Points3D:positions")
    assert np.allclose(np.array(joints), figures.anny.joints(motion), atol=1e-5)
    _, vertices = column(recording, "/avatar/mesh", "Mesh3D:vertex_positions")
    drawn = figures.anny.surface(screen.vertices[7], dict.fromkeys(motion.known, True))
    assert np.allclose(np.array(vertices[7]), drawn.vertices, atol=1e-5)
    _, faces = column(recording, "/avatar/mesh", "Mesh3D:triangle_indices")
    assert np.array_equal(np.array(faces[0]), drawn.mesh.faces)


def test_picture_sound_words_and_what_is_held_are_there(recording):
    _, video = column(recording, "/source", "AssetVideo:blob")
    assert bytes(video[0][0])[4:8] == b"ftyp"
    times, sound = column(recording, "/sound", "AssetAudio:blob")
    assert times == [0.0] and bytes(sound[0][0])[:4] == b"RIFF" and len(sound[0][0]) > 2 * 16_000 * 0.7
    times, words = column(recording, "/words", "TextLog:text")
    assert [word for (word,) in words] == ["naïve", "你好", "the", "end"]
    assert np.allclose(times, [0, 0.12, 0.32, 0.52], atol=1e-3)
    _, held = column(recording, "/words/held", "TextLog:text")
    assert "not known, held: left hand" in [text for (text,) in held]
    times, jaw = column(recording, "/curves/facial/jaw_open", "Scalars:scalars")
    assert np.allclose(times, np.arange(3, 13) / 25, atol=1e-3) and len(jaw) == 10
