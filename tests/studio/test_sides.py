"""Channel split: right sound on the right side, and a reason for what can't be used."""

import numpy as np
import pytest
from studio_media import NAME, make_recording

from nonverbal.media import SAMPLE_RATE, read_audio
from nonverbal.schema import REASONS, as_table
from nonverbal.studio.settings import Sides
from nonverbal.studio.sides import likeness, split_sides, within

SETTINGS = Sides(silence_dbfs=-60, likeness=0.98)
SECONDS = 1.0


def tone(hz: float, level: float = 0.3) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE)


def split(path, folder, side="left"):
    folder.mkdir()
    video = {"video_id": "abc", "title": f"{NAME}_{side}", "path": path.name, "duration_s": SECONDS}
    row = split_sides(video, path.parent, folder, SETTINGS)
    as_table("sides", [row])
    return row


@pytest.mark.parametrize("side", ["left", "right"])
def test_left_is_the_first_channel_whoever_the_camera_shows(tmp_path, side):
    path = make_recording(tmp_path / f"{NAME}_{side}.mp4", np.stack([tone(400), tone(1000, 0.1)], axis=1))
    row = split(path, tmp_path / "out_right", side)
    assert (row["kept"], row["side"], row["clip_id"]) == (True, side, "abc_000")
    for name, hz in (("left", 400), ("right", 1000)):
        samples = read_audio(tmp_path / "out_right" / row[name])
        assert len(samples) == SAMPLE_RATE * SECONDS
        assert np.abs(np.fft.rfft(samples)).argmax() / SECONDS == pytest.approx(hz, abs=2)
    assert row["left_dbfs"] > row["right_dbfs"] + 8


@pytest.mark.parametrize(
    "channels, reason",
    [
        ([tone(400)], "not_stereo"),
        ([tone(400)] * 6, "not_stereo"),
        ([tone(400), 0 * tone(400)], "silent_channel"),
        ([tone(400), tone(400)], "same_channels"),
        ([tone(400), tone(400) + 0.01 * tone(900)], "same_channels"),
    ],
)
def test_channels_that_cannot_tell_who_speaks_have_a_reason(tmp_path, channels, reason):
    row = split(make_recording(tmp_path / "a.mp4", np.stack(channels, axis=1)), tmp_path / "out")
    assert (row["kept"], row["reason"]) == (False, reason)
    assert reason in REASONS["clips"]  # where the funnel sees it
    assert row["detail"]


def test_a_file_that_cannot_be_read_is_a_row(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    row = split(tmp_path / "a.mp4", tmp_path / "out")
    assert (row["kept"], row["reason"]) == (False, "undecodable")
    assert not list((tmp_path / "out").iterdir())


def test_likeness_is_a_correlation():
    assert likeness(tone(400), -tone(400)) == pytest.approx(-1, abs=1e-6)
    assert likeness(tone(400), tone(1000)) == pytest.approx(0, abs=1e-3)
    assert likeness(tone(400), 0 * tone(400)) == 0


def test_only_files_of_studio_folders_are_recordings(tmp_path):
    url = (tmp_path / "studio" / "a.mp4").as_uri()
    assert within(url, [str(tmp_path / "studio")])
    assert not within(url, [str(tmp_path / "stud")])
    assert not within("https://example.org/studio/a.mp4", ["/"])
